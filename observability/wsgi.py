"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")
_application = get_wsgi_application()

from observability.metrics.ingest.lane import IngestLane  # noqa: E402 (needs the settings)

application = IngestLane(_application)
