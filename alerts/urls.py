from django.urls import URLPattern, re_path

from alerts.api.alerts import AlertListView, ResolveAlertView
from alerts.api.rules import EvaluateView, RuleListView, RuleView
from alerts.prometheus_api.urls import urlpatterns as prometheus_urlpatterns

# Up to 18 digits, so that every id fits the database's bigint.
urlpatterns: list[URLPattern] = [
    re_path(r"^api/alert-rules/?$", RuleListView.as_view(), name="alert-rules"),
    re_path(r"^api/alert-rules/evaluate/?$", EvaluateView.as_view(), name="alert-rules-evaluate"),
    re_path(r"^api/alert-rules/(?P<pk>[0-9]{1,18})/?$", RuleView.as_view(), name="alert-rule"),
    re_path(r"^api/alerts/?$", AlertListView.as_view(), name="alerts"),
    re_path(
        r"^api/alerts/(?P<pk>[0-9]{1,18})/resolve/?$",
        ResolveAlertView.as_view(),
        name="alert-resolve",
    ),
    *prometheus_urlpatterns,
]
