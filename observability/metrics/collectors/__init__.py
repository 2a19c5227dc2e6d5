"""What `watch` collects by itself, with no scrape in between: this host, this portal."""
