"""Tells a container engine whether a container does its work; exit code 0 means yes.

Without an argument it asks the web process of its own container. With the name of a check of
`/health` (`beat`, `worker-timely`, ...) it asks the web container how that part does, which
notices a process that still runs but hangs.
"""

import json
import os
import sys
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

TIMEOUT_SECONDS = 8


def main(arguments: list[str]) -> int:
    """Return the exit code for the command line's arguments."""
    own = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    try:
        if not arguments:
            return 0 if _answer(f"{own}/health/live")["status"] == "ok" else 1
        portal = os.environ.get("PORTAL_URL", own)
        status = _answer(f"{portal}/health")["checks"][arguments[0]]["status"]
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 1 if status == "failing" else 0


def _answer(url: str) -> Any:
    try:
        # Past any proxy of the environment, which would not know these addresses.
        with build_opener(ProxyHandler({})).open(url, timeout=TIMEOUT_SECONDS) as response:
            body = response.read()
    except HTTPError as error:
        body = error.read()  # 503 comes with the same JSON
    return json.loads(body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
