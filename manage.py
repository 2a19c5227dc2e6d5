#!/usr/bin/env python
"""Run the portal's management commands."""

import os
import sys
from importlib import import_module

from django.db import OperationalError

from observability.embedded.errors import EmbeddedError
from observability.environment import InvalidSettingError

_NEED_NO_SETTINGS = {
    "check_rules": "alerts.management.commands.check_rules",
    "test_rules": "alerts.management.commands.test_rules",
}
"""Commands that work where the portal was never started, and do not wait for its apps."""


def main() -> None:
    """Run one command; a wrong setting ends it with one line instead of a traceback."""
    try:
        if module := _NEED_NO_SETTINGS.get("".join(sys.argv[1:2])):
            import_module(module).Command().run_from_argv(sys.argv)
            return
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")
        from django.core.management import execute_from_command_line  # noqa: PLC0415 (needs the variable above)

        execute_from_command_line(sys.argv)
    except (InvalidSettingError, EmbeddedError) as error:
        sys.exit(f"error: {error}")
    except OperationalError as error:
        # What the server itself refuses has a code; there was none to ask.
        if getattr(error.__cause__, "pgcode", None) or "--traceback" in sys.argv:
            raise
        reason = str(error).strip().partition("\n")[0]
        sys.exit(
            f"error: the database does not answer ({reason}): start the portal with `make run`,"
            " or set DATABASE_URL to one that runs"
        )


if __name__ == "__main__":
    main()
