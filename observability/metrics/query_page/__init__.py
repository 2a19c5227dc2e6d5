"""The query page: expressions in, tables and graphs out, and what helps to write the next one."""
