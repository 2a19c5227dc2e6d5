"""Groups that a file of the watched folder provides: no other door changes them."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.models import RuleGroup
from alerts.rules.errors import ProvisionedError


def refuse_provisioned(groups: Iterable[RuleGroup]) -> None:
    """Raise `ProvisionedError` when one of the groups is provided by a file."""
    for group in groups:
        if group.is_provisioned:
            raise ProvisionedError(group.name, group.file)
