"""The REST API of rules and alerts."""
