"""How pages show values, states and runs of rules."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alerts.models import Rule, RuleHealth
from alerts.templating.errors import TemplateError
from alerts.templating.prometheus import in_place
from observability.access.shown import Tone, ago, badge
from observability.promql.go_floats import shortest

register = template.Library()

_HEALTH_TONES: dict[str, Tone] = {
    RuleHealth.OK: "good",
    RuleHealth.ERROR: "bad",
    RuleHealth.UNKNOWN: "neutral",
}
_ERROR_START = in_place(TemplateError("")).removesuffix(">")


@register.filter
def rule_value(value: float) -> str:
    """Return a value with as many digits as people read."""
    return shortest(float(f"{value:.6g}"))


@register.filter
def is_template_error(text: str) -> bool:
    """Say whether a text is what stands in place of one that could not be expanded."""
    return text.startswith(_ERROR_START)


@register.filter
def as_took(duration_ms: float | None) -> str:
    """Return how long something took; nothing for None."""
    if duration_ms is None:
        return ""
    return f"{duration_ms:.1f} ms" if duration_ms < 1_000 else f"{duration_ms / 1_000:.1f} s"


@register.filter
def state_badges(rule: Rule) -> SafeString:
    """Return how many alerts of a rule `with_state` fire and are pending, linked to them."""
    counts: Any = rule
    badges = [
        ("portal-badge-bad", counts.firing_count, "firing"),
        ("portal-badge-warning", counts.pending_count, "pending"),
    ]
    url = reverse("admin:alerts_alert_changelist")
    shown = [(url, rule.pk, css, count, word) for css, count, word in badges if count]
    if not shown:
        word = "recording" if rule.is_recording else "inactive"
        return format_html('<span class="portal-quiet">{}</span>', word)
    return format_html_join(
        " ", '<a href="{}?rule__id__exact={}" class="portal-badge {}">{} {}</a>', shown
    )


@register.filter
def health_badge(rule: Rule) -> SafeString:
    """Return how a rule's last evaluation went; its error shows when somebody points at it."""
    label = RuleHealth(rule.health).label
    return badge(label, _HEALTH_TONES[rule.health], title=rule.last_error)


@register.filter
def last_run(rule: Rule) -> SafeString | str:
    """Return when a rule was last evaluated."""
    return "never" if rule.evaluated_at is None else ago(rule.evaluated_at)
