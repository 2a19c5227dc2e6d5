"""What still stands between an alert and a person: said loudly, before the first alert finds out."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.models import Integration, Receiver, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that keeps people from being told.

    Attributes:
        title: What is wrong.
        hint: What to do about it.
        url_name: The page on which to do it.
    """

    title: str
    hint: str
    url_name: str


def setup_problems() -> list[Problem]:
    """Return what keeps alerts from reaching anybody; none when all is set up."""
    receiver = Route.objects.root().receiver
    if receiver is None:
        return [_no_receiver()]
    if not Integration.objects.filter(receiver=receiver, enabled=True).exists():
        return [
            Problem(
                title=f"The receiver {receiver.name} tells nobody",
                hint="It has no integration that is switched on: add e-mail or Slack to it.",
                url_name="admin:alerts_receiver_changelist",
            )
        ]
    return []


def _no_receiver() -> Problem:
    if Receiver.objects.exists():
        return Problem(
            title="Nobody is told about alerts",
            hint="The root route has no receiver: choose one.",
            url_name="admin:alerts_route_changelist",
        )
    return Problem(
        title="Nobody is told about alerts",
        hint="Add a receiver: who is told, by e-mail or Slack.",
        url_name="admin:alerts_receiver_add",
    )
