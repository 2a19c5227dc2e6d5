"""Make an API key from the command line."""

import re
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from observability.access.key_labels import parse_label
from observability.access.keys import create_key
from observability.access.scopes import Scope

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks", "y": "days"}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdwy])")


def parse_lifetime(text: str) -> timedelta:
    """Return the time that `90s`, `15m`, `12h`, `30d`, `8w` or `1y` names; a year has 365 days."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise CommandError(f"--expires-in must be like 12h, 30d or 1y; got {text!r}")
    number = int(match[1]) * (365 if match[2] == "y" else 1)
    try:
        return timedelta(**{_UNITS[match[2]]: number})
    except OverflowError:
        raise CommandError(f"--expires-in is too long: {text!r}") from None


class Command(BaseCommand):
    """Print the key alone on stdout, so that a script can take it."""

    help = "Make an API key and print it; it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name, scopes, labels and lifetime of the key."""
        parser.add_argument("name", help="who or what will use the key")
        parser.add_argument(
            "--scope",
            dest="scopes",
            action="append",
            required=True,
            choices=Scope.values,
            help="what the key may do; can be given several times",
        )
        parser.add_argument(
            "--label",
            dest="labels",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="added to everything that the key writes; can be given several times",
        )
        parser.add_argument("--expires-in", metavar="30d", help="default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key and print it."""
        now = timezone.now()
        lifetime = options["expires_in"]
        try:
            expires_at = now + parse_lifetime(lifetime) if lifetime else None
            _, token = create_key(
                name=options["name"],
                scopes=[Scope(scope) for scope in options["scopes"]],
                labels=dict(parse_label(label) for label in options["labels"]),
                expires_at=expires_at,
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except OverflowError:
            raise CommandError(f"--expires-in is too long: {lifetime!r}") from None
        self.stdout.write(token)
