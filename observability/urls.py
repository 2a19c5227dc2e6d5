"""Every URL of the portal; each app brings its own list.

API paths match with and without a slash at their end, so that a POST is never redirected.
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("observability.telemetry.urls")),
    path("", include("observability.access.urls")),
    path("", include("observability.metrics.urls")),
    path("", include("observability.database.urls")),
    path("", include("alerts.urls")),
    path("", include("dashboards.urls")),
    path("", include("pool.urls")),
    # Last, because it answers everything below /admin/ that nobody else does.
    path("admin/", admin.site.urls),
]

handler400 = "observability.access.api_errors.bad_request"
handler403 = "observability.access.api_errors.permission_denied"
handler404 = "observability.access.api_errors.not_found"
handler500 = "observability.access.api_errors.server_error"
