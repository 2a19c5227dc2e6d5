from __future__ import annotations

import pytest
from django.test import Client

from .cast import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "status"), [("get", 200), ("head", 200), ("options", 405), ("post", 405)]
)
def test_documentation_is_a_page_to_be_read(client: Client, method: str, status: int) -> None:
    client.force_login(
        make_user(name="reader"), backend="django.contrib.auth.backends.ModelBackend"
    )

    assert getattr(client, method)("/api/docs/").status_code == status
