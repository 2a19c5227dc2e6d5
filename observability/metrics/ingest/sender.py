"""Who writes: what is added to their series, and how many new ones they may make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A key, a person, or a part of the portal that writes samples.

    Attributes:
        name: For people; the name of the key.
        key_id: The key, None when it is none.
        added_labels: Labels that all its series get; they win over the series' own.
        new_series_per_minute: How many series it may make in a minute; None is the portal's usual number.
    """

    name: str
    key_id: int | None = None
    added_labels: Mapping[str, str] = field(default_factory=dict)
    new_series_per_minute: int | None = None


# The portal's own collectors, rules and tasks.
PORTAL = Sender(name="portal")
