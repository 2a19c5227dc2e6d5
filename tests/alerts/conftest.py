"""What tests of the alerting share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def rows_of_migrations(request: pytest.FixtureRequest) -> None:
    """Make the rows that migrations make, where an earlier test has emptied all tables.

    That is what tests with real transactions leave behind.
    """
    # Django has no settings yet when this file is read.
    from alerts.models import Route, RuleGroup  # noqa: PLC0415
    from alerts.models.rules import DEFAULT_GROUP_NAME  # noqa: PLC0415

    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        request.getfixturevalue("transactional_db")
        Route.objects.get_or_create(parent=None)
        RuleGroup.objects.get_or_create(name=DEFAULT_GROUP_NAME)
