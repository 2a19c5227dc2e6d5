"""Rule files into the database: what would change, and the change itself."""
