"""What lists and pages say of a rule that is not being edited."""

from __future__ import annotations

from collections.abc import Mapping

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.decorators import display

from alerts.models import Rule, Severity
from alerts.shown import SEVERITY_TONES
from alerts.templatetags.rule_values import as_took, health_badge, state_badges
from observability.access.shown import ago, badge
from observability.promql.durations import format_duration

_EXPR_SHOWN = 72


class RuleReadout:
    """Columns and read-only fields of rules, as a part of their admin."""

    @display(description="Kind", ordering="kind")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_kind(self, rule: Rule) -> str:
        return rule.get_kind_display()

    @display(description="PromQL", ordering="expr")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_expr(self, rule: Rule) -> SafeString:
        short = rule.expr if len(rule.expr) <= _EXPR_SHOWN else rule.expr[: _EXPR_SHOWN - 1] + "…"
        return format_html('<code class="portal-expr" title="{}">{}</code>', rule.expr, short)

    @display(description="PromQL")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_promql(self, rule: Rule) -> SafeString:
        return format_html(
            '<code class="portal-promql">{}</code> <a class="portal-link" href="{}?{}">Open in Query</a>',
            rule.expr,
            reverse("metrics-query"),
            urlencode({"expr": rule.expr}),
        )

    @display(description="Resolves when")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_resolution(self, rule: Rule) -> SafeString | str:
        if not rule.resolve_expr:
            return "the expression gives no more"
        return format_html('<code class="portal-promql">{}</code>', rule.resolve_expr)

    @display(description="severity", ordering="severity")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_severity(self, rule: Rule) -> SafeString:
        if rule.is_recording:
            return badge("Recording", "neutral")
        if rule.severity:
            return badge(Severity(rule.severity).label, SEVERITY_TONES[rule.severity])
        said = rule.labels.get("severity") or rule.group.labels.get("severity") or "none"
        return badge(said, SEVERITY_TONES.get(said, "neutral"))

    @display(description="For")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_hold(self, rule: Rule) -> str:
        return format_duration(rule.hold_ms)

    @display(description="Keep firing for")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_keep_firing(self, rule: Rule) -> str:
        return format_duration(rule.keep_firing_ms)

    @display(description="On no data")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_on_no_data(self, rule: Rule) -> str:
        return rule.get_on_no_data_display()

    @display(description="On error")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_on_error(self, rule: Rule) -> str:
        return rule.get_on_error_display()

    @display(description="Labels")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_labels(self, rule: Rule) -> SafeString | str:
        return shown_pairs(rule.labels)

    @display(description="Annotations")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_annotations(self, rule: Rule) -> SafeString | str:
        return shown_pairs(rule.annotations)

    @display(description="state", ordering="firing_count")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_state(self, rule: Rule) -> SafeString:
        return state_badges(rule)

    @display(description="health", ordering="health")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_health(self, rule: Rule) -> SafeString:
        return health_badge(rule)

    @display(description="error")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_error(self, rule: Rule) -> str:
        return rule.last_error or "none"

    @display(description="last evaluation", ordering="group__evaluated_at")  # type: ignore[untyped-decorator] # unfold has no types
    def last_evaluation(self, rule: Rule) -> SafeString | str:
        if rule.evaluated_at is None:
            return "never"
        return format_html("<span>{}, {}</span>", ago(rule.evaluated_at), as_took(rule.duration_ms))

    @display(description="PromQL")  # type: ignore[untyped-decorator] # unfold has no types
    def compiled(self, rule: Rule | None) -> SafeString:
        return render_to_string("alerts/rule_compiled.html", {"rule": rule})

    @display(description="Now")  # type: ignore[untyped-decorator] # unfold has no types
    def live_preview(self, rule: Rule | None) -> SafeString:
        return render_to_string("alerts/rule_preview.html", {"rule": rule})


def shown_pairs(pairs: Mapping[str, str]) -> SafeString | str:
    """Return labels or annotations below one another."""
    if not pairs:
        return "none"
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs.items())
    return format_html('<dl class="portal-annotations">{}</dl>', rows)
