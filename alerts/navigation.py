"""The sidebar entries of alerts, rules, receivers, routing and notifications."""

from __future__ import annotations

from observability.access.navigation import Entry, Section, register_entry
from observability.metrics.links import ExpressionLink, register_link


def register_rule_pages() -> None:
    """Add the pages that say what is wrong, and what is watched."""
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Alerts",
            icon="notifications_active",
            url_name="admin:alerts_alert_changelist",
            permission="alerts.view_alert",
            order=10,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Rules",
            icon="rule",
            url_name="admin:alerts_rule_changelist",
            permission="alerts.view_rule",
            order=20,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Rule groups",
            icon="folder_open",
            url_name="admin:alerts_rulegroup_changelist",
            permission="alerts.view_rulegroup",
            order=30,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Rule files",
            icon="description",
            url_name="admin:alerts_watchedrulefile_changelist",
            permission="alerts.view_watchedrulefile",
            order=31,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Runbooks",
            icon="menu_book",
            url_name="alerts-runbooks",
            permission="alerts.view_alert",
            order=40,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Backtests",
            icon="history",
            url_name="admin:alerts_backtest_changelist",
            permission="alerts.view_backtest",
            order=35,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Rule history",
            icon="manage_history",
            url_name="admin:alerts_rulerevision_changelist",
            permission="alerts.view_rulerevision",
            order=32,
        )
    )
    register_link(
        ExpressionLink(
            title="Create an alert rule",
            icon="add_alert",
            url_name="admin:alerts_rule_add",
            permission="alerts.add_rule",
            parameter="expr",
            others={"made_in": "promql"},
        )
    )


def register_notification_pages() -> None:
    """Add the pages that say who is told, and who was."""
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Receivers",
            icon="group",
            url_name="admin:alerts_receiver_changelist",
            permission="alerts.view_receiver",
            order=50,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Routing",
            icon="alt_route",
            url_name="admin:alerts_route_changelist",
            permission="alerts.view_route",
            order=60,
        )
    )
    register_entry(
        Entry(
            section=Section.ALERTS,
            title="Notifications",
            icon="outgoing_mail",
            url_name="admin:alerts_notification_changelist",
            permission="alerts.view_notification",
            order=70,
        )
    )
