"""What the tests of Prometheus's API share."""

from __future__ import annotations

import pytest


@pytest.fixture
def reader(db: None) -> dict[str, str]:
    """Return the headers of a client that may read metrics, and what rules make of them."""
    from observability.access.keys import create_key  # noqa: PLC0415 (settings are ready only now)
    from observability.access.scopes import Scope  # noqa: PLC0415

    _, token = create_key(name="reader", scopes=[Scope.METRICS_READ, Scope.ALERTS_READ])
    return {"Authorization": f"Bearer {token}"}
