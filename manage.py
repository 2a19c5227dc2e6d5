#!/usr/bin/env python
"""Run the portal's management commands."""

import os
import sys

from observability.embedded.errors import EmbeddedError
from observability.environment import InvalidSettingError


def main() -> None:
    """Run one command; a wrong setting ends it with one line instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 (needs the variable above)

    try:
        execute_from_command_line(sys.argv)
    except (InvalidSettingError, EmbeddedError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
