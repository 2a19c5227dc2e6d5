"""What all tests of access share."""

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _quick_password_hashes(settings: Settings) -> None:
    """Let passwords be hashed quickly; how slowly it is done elsewhere is Django's own default."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
