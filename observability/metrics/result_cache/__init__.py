"""The part of range queries that is past and settled, kept in Redis and not evaluated again."""
