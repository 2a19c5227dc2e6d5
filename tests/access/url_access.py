"""Who may open which URL: the table that `test_url_access.py` walks. Every URL has a row.

To add a URL, add one line to `ROWS`:

- an API endpoint: `api("/api/things", GET=Scope.METRICS_READ, POST=Scope.METRICS_WRITE)`.
  A key needs the scope, a person the permission behind it (`SCOPE_PERMISSIONS`), anybody else
  gets 401; a method that is not named gets 405.
- an endpoint of Prometheus's API: the same as `prometheus(...)`.
- the pages of a model in the admin: `model_admin("alerts.rule")`. Who may open them follows from
  the roles. `can="view delete"` for one without adding and changing; `can=""` when nobody may.
- another page in the admin: `page("/admin/metrics/query/", "metrics.view_series")`, `POST=` when that
  needs another permission. A button of a model admin is such a page too.
- open to everybody: `open_to_all("/health")`. Open to whoever says who they are:
  `api("/api/docs", GET=SIGNED_IN)`.

Paths are written as in the URL list, without a slash at the end where both forms match.
Give `example="/api/things/x1"` when a parameter is neither a number nor one of Django's own kinds.
What a refusal looks like is for the walk to know; a row says only what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from observability.access.scopes import Scope

OPEN: Final = "open"
SIGNED_IN: Final = "signed in"
STAFF: Final = "staff"
NOBODY: Final = "nobody"

Need = Scope | Literal["open", "signed in", "staff", "nobody"] | str
"""What a method needs: a scope, one of the words above, or (in the admin) a permission."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One URL.

    Attributes:
        path: As in the URL list, with its parameters in angle brackets.
        kind: Decides how somebody without rights is turned away: 401 or the login page.
        needs: What each method needs; in an API the others answer 405.
        example: A path that matches; made up from `path` when not given.
    """

    path: str
    kind: Literal["api", "admin", "open"]
    needs: dict[str, Need] = field(default_factory=dict)
    example: str = ""


def api(path: str, *, example: str = "", **needs: Need) -> Row:
    """Return the row of an endpoint; `needs` are methods and scopes."""
    return Row(path=path, kind="api", needs=needs, example=example)


def prometheus(path: str, *, example: str = "", **needs: Need) -> list[Row]:
    """Return the rows of an endpoint of Prometheus's API, which is there under a prefix as well."""
    prefix = "/prometheus"
    return [
        api(path, example=example, **needs),
        api(prefix + path, example=example and prefix + example, **needs),
    ]


def open_to_all(path: str, *, example: str = "") -> Row:
    """Return the row of a URL that asks nobody who they are."""
    return Row(path=path, kind="open", needs={"GET": OPEN}, example=example)


def page(path: str, permission: str, *, POST: str = "", example: str = "") -> Row:  # noqa: N803 (a method's name)
    """Return the row of a page in the admin."""
    needs: dict[str, Need] = {"GET": permission, "POST": POST or permission}
    return Row(path=path, kind="admin", needs=needs, example=example)


def model_admin(model: str, *, can: str = "view add change delete") -> list[Row]:
    """Return the rows of a model's five pages; `can` names what its admin lets anybody do at all."""
    app, name = model.split(".")
    possible = can.split()

    def need(action: str) -> str:
        return f"{app}.{action}_{name}" if action in possible else NOBODY

    def either(first: str, second: str) -> str:
        """Return `first` if the admin offers it, `second` otherwise."""
        return need(first) if first in possible else need(second)

    root = f"/admin/{app}/{name}/"
    return [
        # A change includes the view, and every role that changes a model also views it.
        page(root, either("view", "change")),
        page(f"{root}add/", need("add")),
        page(f"{root}<path:object_id>/change/", either("view", "change"), POST=need("change")),
        page(f"{root}<path:object_id>/delete/", need("delete")),
        page(f"{root}<path:object_id>/history/", either("view", "change")),
        page(f"{root}<path:object_id>/", STAFF),  # leads on to the change
    ]


def flat(rows: Iterable[Row | list[Row]]) -> list[Row]:
    """Return all rows as one list."""
    return [row for entry in rows for row in (entry if isinstance(entry, list) else [entry])]


ROWS = flat(
    [
        # The portal itself
        open_to_all("/"),
        open_to_all("/graph"),
        open_to_all("/prometheus/graph"),
        open_to_all("/health"),
        open_to_all("/health/live"),
        open_to_all("/health/ready"),
        # Signing in, and the description of the API
        open_to_all("/api/admin/login"),
        open_to_all("/api/admin/refresh"),
        api("/api/schema", GET=SIGNED_IN),
        api("/api/docs", GET=SIGNED_IN),
        # Metrics; in this table nobody comes from METRICS_ALLOWED_NETWORKS
        api("/metrics", GET=Scope.METRICS_READ),
        api("/api/metrics", GET=Scope.METRICS_READ, POST=Scope.METRICS_WRITE),
        prometheus("/api/v1/write", POST=Scope.METRICS_WRITE),
        prometheus("/api/v1/otlp/v1/metrics", POST=Scope.METRICS_WRITE),
        api("/v1/metrics", POST=Scope.METRICS_WRITE),
        api("/api/v2/write", POST=Scope.METRICS_WRITE),
        api("/influx/write", POST=Scope.METRICS_WRITE),
        api(
            "/metrics/job/<path>",
            PUT=Scope.METRICS_WRITE,
            POST=Scope.METRICS_WRITE,
            DELETE=Scope.METRICS_WRITE,
        ),
        api(
            "/metrics/job@base64/<path>",
            PUT=Scope.METRICS_WRITE,
            POST=Scope.METRICS_WRITE,
            DELETE=Scope.METRICS_WRITE,
            example="/metrics/job@base64/YQ",
        ),
        prometheus("/api/v1/query", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/query_range", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/query_exemplars", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/series", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/labels", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/label/<name>/values", GET=Scope.METRICS_READ),
        prometheus("/api/v1/format_query", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/parse_query", GET=Scope.METRICS_READ, POST=Scope.METRICS_READ),
        prometheus("/api/v1/metadata", GET=Scope.METRICS_READ),
        prometheus("/api/v1/targets", GET=Scope.METRICS_READ),
        prometheus("/api/v1/targets/metadata", GET=Scope.METRICS_READ),
        prometheus("/api/v1/scrape_pools", GET=Scope.METRICS_READ),
        prometheus("/api/v1/scrape_pools/config", GET=Scope.METRICS_READ),
        prometheus("/api/v1/alertmanagers", GET=Scope.METRICS_READ),
        prometheus("/api/v1/status/buildinfo", GET=Scope.METRICS_READ),
        prometheus("/api/v1/status/runtimeinfo", GET=Scope.METRICS_READ),
        prometheus("/api/v1/status/config", GET=Scope.METRICS_READ),
        prometheus("/api/v1/status/flags", GET=Scope.METRICS_READ),
        prometheus("/api/v1/status/tsdb", GET=Scope.METRICS_READ),
        prometheus("/federate", GET=Scope.METRICS_READ),
        prometheus("/-/healthy", GET=SIGNED_IN),
        prometheus("/-/ready", GET=SIGNED_IN),
        api("/api/metrics/deletions", GET=Scope.METRICS_READ, POST=Scope.ADMIN),
        api("/api/metrics/deletions/<pk>", GET=Scope.METRICS_READ),
        prometheus("/api/v1/admin/tsdb/delete_series", POST=Scope.ADMIN, PUT=Scope.ADMIN),
        page("/admin/metrics/query/", "metrics.view_series"),
        page(
            "/admin/metrics/query/complete/<str:kind>/",
            "metrics.view_series",
            example="/admin/metrics/query/complete/metrics/",
        ),
        page("/admin/metrics/query/check/", "metrics.view_series"),
        page("/admin/metrics/query/history/", "metrics.view_series"),
        page("/admin/metrics/query/history/<int:pk>/", "metrics.view_series"),
        page("/admin/metrics/delete-series/", "metrics.delete_series"),
        page("/admin/metrics/deletion/<int:deletion_id>/resume/", "metrics.delete_series"),
        model_admin("metrics.deletion", can="view add"),
        model_admin("metrics.retentionpolicy"),
        page("/admin/metrics/store/", "metrics.view_series"),
        model_admin("metrics.metric", can="view"),
        model_admin("metrics.pushgroup", can="view delete"),
        model_admin("metrics.pushlifetime"),
        # Rules and alerts
        api("/api/alert-rules", GET=Scope.ALERTS_READ, POST=Scope.ALERTS_WRITE),
        api("/api/alert-rules/evaluate", POST=Scope.ALERTS_WRITE),
        api("/api/alert-rules/import", POST=Scope.ALERTS_WRITE),
        api("/api/alert-rules/export", GET=Scope.ALERTS_READ),
        api(
            "/api/alert-rules/<pk>",
            GET=Scope.ALERTS_READ,
            PUT=Scope.ALERTS_WRITE,
            PATCH=Scope.ALERTS_WRITE,
            DELETE=Scope.ALERTS_WRITE,
        ),
        api("/api/alert-rules/preview", POST=Scope.ALERTS_WRITE),
        api("/api/alert-rules/<pk>/history", GET=Scope.ALERTS_READ),
        api("/api/alert-rules/<pk>/revert", POST=Scope.ALERTS_WRITE),
        api("/api/rule-groups", GET=Scope.ALERTS_READ, POST=Scope.ALERTS_WRITE),
        api(
            "/api/rule-groups/<pk>",
            GET=Scope.ALERTS_READ,
            PUT=Scope.ALERTS_WRITE,
            PATCH=Scope.ALERTS_WRITE,
            DELETE=Scope.ALERTS_WRITE,
        ),
        api("/api/rule-groups/<pk>/order", PUT=Scope.ALERTS_WRITE),
        api("/api/rule-groups/<pk>/history", GET=Scope.ALERTS_READ),
        api("/api/rule-groups/<pk>/revert", POST=Scope.ALERTS_WRITE),
        prometheus("/api/v1/rules", GET=Scope.ALERTS_READ),
        prometheus("/api/v1/alerts", GET=Scope.ALERTS_READ),
        api("/api/alerts", GET=Scope.ALERTS_READ, POST=Scope.ALERTS_WRITE),
        api("/api/alerts/<pk>", GET=Scope.ALERTS_READ),
        api("/api/alerts/<pk>/acknowledge", POST=Scope.ALERTS_WRITE, DELETE=Scope.ALERTS_WRITE),
        api("/api/alerts/<pk>/comments", GET=Scope.ALERTS_READ, POST=Scope.ALERTS_WRITE),
        api("/api/alerts/<pk>/resolve", PUT=Scope.ALERTS_WRITE),
        api("/api/backtests", GET=Scope.ALERTS_READ, POST=Scope.ALERTS_WRITE),
        api("/api/backtests/<pk>", GET=Scope.ALERTS_READ, DELETE=Scope.ALERTS_WRITE),
        model_admin("alerts.backtest", can="view add delete"),
        page("/admin/alerts/backtest/draft/", "alerts.add_backtest"),
        page("/admin/alerts/backtest/<int:backtest_id>/cancel/", "alerts.add_backtest"),
        page("/admin/alerts/backtest/<int:backtest_id>/again/", "alerts.add_backtest"),
        model_admin("alerts.rulegroup"),
        model_admin("alerts.rule"),
        model_admin("alerts.rulerevision", can="view"),
        model_admin("alerts.watchedrulefile", can="view"),
        page("/admin/alerts/rulegroup/import_files/", "alerts.change_rulegroup"),
        page("/admin/alerts/rulegroup/export_files/", "alerts.view_rulegroup"),
        page("/admin/alerts/rule-files/import/", "alerts.change_rule"),
        page("/admin/alerts/rule-files/export/", "alerts.view_rulegroup"),
        page("/admin/alerts/rule-files/copy/<int:group_id>/", "alerts.add_rulegroup"),
        page("/admin/alerts/rulerevision/<int:pk>/revert/", "alerts.change_rule"),
        page("/admin/alerts/rule/preview/", "alerts.change_rule"),
        model_admin("alerts.alert", can="view"),
        page("/admin/runbooks/", "alerts.view_alert"),
        page(
            "/admin/runbooks/<slug:name>/",
            "alerts.view_alert",
            example="/admin/runbooks/chocochoco-high-error-rate/",
        ),
        page("/admin/alerts/alert/act/", "alerts.change_alert"),
        page("/admin/alerts/alert/<int:alert_id>/graph/", "alerts.view_alert"),
        # Routing and notifications
        model_admin("alerts.receiver"),
        page("/admin/alerts/receiver/<path:object_id>/test/", "alerts.change_receiver"),
        page("/admin/alerts/receiver/<int:receiver_id>/tests/", "alerts.change_receiver"),
        model_admin("alerts.route", can="view change"),
        model_admin("alerts.notification", can="view"),
        page(
            "/admin/alerts/notification/<int:notification_id>/retry/", "alerts.change_notification"
        ),
        # Scraping
        model_admin("metrics.scrapejob"),
        page("/admin/metrics/scrapejob/trial/", "metrics.change_scrapejob"),
        page("/admin/metrics/scrapejob/import/", "metrics.add_scrapejob"),
        page("/admin/metrics/scrapejob/import_configuration/", "metrics.add_scrapejob"),
        model_admin("metrics.scrapetarget", can="view"),
        page("/admin/metrics/scrapetarget/<int:target_id>/trial/", "metrics.change_scrapejob"),
        page("/admin/metrics/scrapetarget/<path:object_id>/test/", "metrics.change_scrapejob"),
        # Dashboards, database, pool
        page("/admin/dashboards/system/", "metrics.view_series"),
        page("/admin/dashboards/view/<slug:slug>/", "dashboards.view_dashboard"),
        model_admin("dashboards.dashboard"),
        page("/admin/database/", "database.view_insight"),
        page("/admin/pool/hosts/", "metrics.view_series"),
        # The frame of the admin
        page("/admin/", STAFF),
        open_to_all("/admin/login/"),
        open_to_all("/admin/logout/"),
        page("/admin/password_change/", STAFF),
        page("/admin/password_change/done/", STAFF),
        # Asks for the permission of the model that is looked up, here the receiver of a route.
        page(
            "/admin/autocomplete/",
            "alerts.view_receiver",
            example="/admin/autocomplete/?app_label=alerts&model_name=route&field_name=receiver",
        ),
        page("/admin/jsi18n/", STAFF),
        page("/admin/search/", STAFF),
        page("/admin/r/<path:content_type_id>/<path:object_id>/", STAFF),
        page("/admin/<app_label>/", STAFF, example="/admin/metrics/"),
        page("/admin/<url>", STAFF, example="/admin/nowhere"),
        # Access
        model_admin("access.apikey"),
        page("/admin/access/apikey/<path:object_id>/revoke/", "access.change_apikey"),
        model_admin("auth.user"),
        page("/admin/auth/user/<id>/password/", "auth.change_user"),
        model_admin("auth.group"),
        model_admin("axes.accessattempt", can="view delete"),
        model_admin("axes.accesslog", can="view"),
    ]
)
