"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")
_application = get_wsgi_application()

from observability.metrics.program_lane import ProgramLane  # noqa: E402 (needs the settings)

application = ProgramLane(_application)
