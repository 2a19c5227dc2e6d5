"""Go's templates: the language of annotations and notifications, as Prometheus and Alertmanager have it."""
