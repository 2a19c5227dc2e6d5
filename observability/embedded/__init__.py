"""The private PostgreSQL and Redis, and the supervisor that runs all of the portal's processes."""
