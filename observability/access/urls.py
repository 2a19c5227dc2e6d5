from django.urls import URLPattern, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from observability.access.login import LoginView, RefreshView

urlpatterns: list[URLPattern] = [
    re_path(r"^api/admin/login/?$", LoginView.as_view(), name="api-login"),
    re_path(r"^api/admin/refresh/?$", RefreshView.as_view(), name="api-refresh"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="api-schema"),
    re_path(
        r"^api/docs/?$",
        # It has a template for the page only, none for the description that OPTIONS asks for.
        SpectacularSwaggerView.as_view(url_name="api-schema", http_method_names=["get", "head"]),
        name="api-docs",
    ),
]
