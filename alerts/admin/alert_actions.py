"""What people do about alerts: one or many at once, from the list or from an alert's own page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.urls import reverse
from django.utils import timezone

from alerts.acknowledging import (
    MAX_NOTE_LENGTH,
    MAX_OWNER_LENGTH,
    Acknowledgement,
    acknowledge,
    take_back,
)
from alerts.commenting import MAX_COMMENT_LENGTH, comment
from alerts.manual import resolve_alerts
from alerts.models import Alert

MOST_AT_ONCE = 10_000

EXPIRIES = {
    "30m": "For 30 minutes",
    "1h": "For 1 hour",
    "4h": "For 4 hours",
    "1d": "For 1 day",
    "": "Until it is resolved",
}
_EXPIRES_IN = {
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "4h": timedelta(hours=4),
    "1d": timedelta(days=1),
    "": None,
}


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, in words.

    Attributes:
        text: What the operator reads.
        level: Of Django's messages.
    """

    text: str
    level: int = messages.SUCCESS


class ActForm(forms.Form):
    """What to do, with which alerts."""

    do = forms.ChoiceField(choices=[(name, name) for name in ("acknowledge", "take_back", "comment", "resolve")])  # fmt: skip
    owner = forms.CharField(max_length=MAX_OWNER_LENGTH, required=False)
    note = forms.CharField(max_length=MAX_NOTE_LENGTH, required=False)
    expires = forms.ChoiceField(choices=list(EXPIRIES.items()), required=False)
    text = forms.CharField(max_length=MAX_COMMENT_LENGTH, required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("do") == "comment" and not values.get("text"):
            raise forms.ValidationError("Say something: the comment is empty.")
        return values


def act(request: HttpRequest, chosen: QuerySet[Alert]) -> HttpResponse:
    """Do what a form asks for; scripts are answered in JSON, others led back."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = ActForm(request.POST)
    if not form.is_valid():
        done = Done(" ".join(_faults(form)), messages.ERROR)
    else:
        ids = list(chosen.order_by().values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        by = request.user.get_username()
        done = _refusal(ids) or _do(form.cleaned_data, ids, by=by)
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        level = messages.DEFAULT_TAGS[done.level]
        return JsonResponse({"message": done.text, "level": level})
    messages.add_message(request, done.level, done.text)
    return HttpResponseRedirect(_back(request.POST))


def _refusal(ids: list[int]) -> Done | None:
    if not ids:
        return Done("Choose at least one alert.", messages.WARNING)
    if len(ids) > MOST_AT_ONCE:
        return Done(f"At most {MOST_AT_ONCE:,} alerts at once; narrow the list.", messages.ERROR)
    return None


def _do(values: dict[str, Any], ids: list[int], *, by: str) -> Done:
    now = timezone.now()
    match values["do"]:
        case "acknowledge":
            said = Acknowledgement(
                owner=values["owner"] or by,
                note=values["note"],
                expires_in=_EXPIRES_IN[values["expires"]],
            )
            return _told("alert", "acknowledged", len(acknowledge(ids, said, by=by, now=now)), len(ids), "resolved already")  # fmt: skip
        case "take_back":
            return _told("acknowledgement", "taken back", len(take_back(ids, by=by, now=now)), len(ids), "not acknowledged")  # fmt: skip
        case "comment":
            return _told("alert", "commented on", len(comment(ids, values["text"], by=by, now=now)), len(ids), "gone")  # fmt: skip
        case _:
            resolution = resolve_alerts(ids, by=by, now=now)
            return _told("alert", "resolved", len(resolution.resolved), len(ids), "left as it is, because a rule's alert is resolved when the rule's condition ends")  # fmt: skip


def _told(noun: str, verb: str, count: int, asked: int, why_not: str) -> Done:
    left = asked - count
    text = f"{count:,} {noun}{'' if count == 1 else 's'} {verb}"
    if left:
        text += f", {left:,} {why_not}"
    return Done(text + ".", messages.SUCCESS if count else messages.WARNING)


def _faults(form: forms.Form) -> list[str]:
    return [
        str(message) if name == "__all__" else f"{name}: {message}"
        for name, found in form.errors.items()
        for message in found
    ]


def _back(given: QueryDict) -> str:
    """Return where the form came from: an alert's own page, or the list as it was."""
    page_of = given.get("page_of", "")
    if page_of.isdecimal() and len(page_of) < 19:
        return reverse("admin:alerts_alert_change", args=[page_of])
    query = QueryDict(given.get("query", "").removeprefix("?"))
    return f"{reverse('admin:alerts_alert_changelist')}?{query.urlencode()}"
