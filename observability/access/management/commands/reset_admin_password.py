"""Give a user a new password, for the operator who lost the old one."""

import secrets
from typing import Any

from axes.utils import reset
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Set a generated password and print it; sessions of the old one end by it."""

    help = "Give a user a new, generated password and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name."""
        parser.add_argument("--username", default="admin", help="default: admin")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the new password alone on stdout."""
        try:
            user = get_user_model().objects.get(username=options["username"])
        except get_user_model().DoesNotExist:
            raise CommandError(f"there is no user {options['username']!r}") from None
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        user.save(update_fields=["password"])
        reset(username=user.get_username())  # who lost a password has often locked themselves out
        self.stdout.write(password)
