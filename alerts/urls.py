from django.urls import URLPattern, re_path

from alerts.api.alerts import (
    AcknowledgeAlertView,
    AlertCommentsView,
    AlertListView,
    AlertView,
    ResolveAlertView,
)
from alerts.api.backtests import BacktestListView, BacktestView
from alerts.api.files import ExportRulesView, ImportRulesView
from alerts.api.groups import GroupListView, GroupOrderView, GroupView
from alerts.api.history import (
    GroupHistoryView,
    GroupRevertView,
    RuleHistoryView,
    RuleRevertView,
)
from alerts.api.preview import PreviewView
from alerts.api.rules import EvaluateView, RuleListView, RuleView
from alerts.prometheus_api.urls import urlpatterns as prometheus_urlpatterns
from alerts.rule_file_pages import copy_group_page, export_page, import_page
from alerts.runbook_pages import runbook_page
from observability.access.pages import admin_page

# Up to 18 digits, so that every id fits the database's bigint.
urlpatterns: list[URLPattern] = [
    re_path(r"^api/alert-rules/?$", RuleListView.as_view(), name="alert-rules"),
    re_path(r"^api/alert-rules/evaluate/?$", EvaluateView.as_view(), name="alert-rules-evaluate"),
    re_path(r"^api/alert-rules/import/?$", ImportRulesView.as_view(), name="alert-rules-import"),
    re_path(r"^api/alert-rules/export/?$", ExportRulesView.as_view(), name="alert-rules-export"),
    re_path(r"^api/alert-rules/preview/?$", PreviewView.as_view(), name="alert-rules-preview"),
    re_path(r"^api/alert-rules/(?P<pk>[0-9]{1,18})/?$", RuleView.as_view(), name="alert-rule"),
    re_path(
        r"^api/alert-rules/(?P<pk>[0-9]{1,18})/history/?$",
        RuleHistoryView.as_view(),
        name="alert-rule-history",
    ),
    re_path(
        r"^api/alert-rules/(?P<pk>[0-9]{1,18})/revert/?$",
        RuleRevertView.as_view(),
        name="alert-rule-revert",
    ),
    re_path(r"^api/rule-groups/?$", GroupListView.as_view(), name="rule-groups"),
    re_path(r"^api/rule-groups/(?P<pk>[0-9]{1,18})/?$", GroupView.as_view(), name="rule-group"),
    re_path(
        r"^api/rule-groups/(?P<pk>[0-9]{1,18})/order/?$",
        GroupOrderView.as_view(),
        name="rule-group-order",
    ),
    re_path(
        r"^api/rule-groups/(?P<pk>[0-9]{1,18})/history/?$",
        GroupHistoryView.as_view(),
        name="rule-group-history",
    ),
    re_path(
        r"^api/rule-groups/(?P<pk>[0-9]{1,18})/revert/?$",
        GroupRevertView.as_view(),
        name="rule-group-revert",
    ),
    re_path(r"^api/backtests/?$", BacktestListView.as_view(), name="backtests"),
    re_path(r"^api/backtests/(?P<pk>[0-9]{1,18})/?$", BacktestView.as_view(), name="backtest"),
    re_path(r"^api/alerts/?$", AlertListView.as_view(), name="alerts"),
    re_path(r"^api/alerts/(?P<pk>[0-9]{1,18})/?$", AlertView.as_view(), name="alert"),
    re_path(
        r"^api/alerts/(?P<pk>[0-9]{1,18})/acknowledge/?$",
        AcknowledgeAlertView.as_view(),
        name="alert-acknowledge",
    ),
    re_path(
        r"^api/alerts/(?P<pk>[0-9]{1,18})/comments/?$",
        AlertCommentsView.as_view(),
        name="alert-comments",
    ),
    re_path(
        r"^api/alerts/(?P<pk>[0-9]{1,18})/resolve/?$",
        ResolveAlertView.as_view(),
        name="alert-resolve",
    ),
    *prometheus_urlpatterns,
    admin_page("runbooks/", runbook_page, name="alerts-runbooks", permission="alerts.view_alert"),
    admin_page(
        "runbooks/<slug:name>/",
        runbook_page,
        name="alerts-runbook",
        permission="alerts.view_alert",
    ),
    admin_page(
        "alerts/rule-files/import/",
        import_page,
        name="alerts-rules-import",
        permission="alerts.change_rule",
    ),
    admin_page(
        "alerts/rule-files/export/",
        export_page,
        name="alerts-rules-export",
        permission="alerts.view_rulegroup",
    ),
    admin_page(
        "alerts/rule-files/copy/<int:group_id>/",
        copy_group_page,
        name="alerts-group-copy",
        permission="alerts.add_rulegroup",
    ),
]
