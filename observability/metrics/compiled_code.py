"""The compiled code of ways in, store and queries, made ready before any request needs it.

`python -m observability.metrics.compiled_code` compiles what no earlier process has; processes
that come later load it.
"""

from __future__ import annotations

import os

from observability.metrics.ingest.otlp import message_count
from observability.metrics.ingest.remote_write import warm_up as remote_write
from observability.metrics.store import assembly
from observability.promql import warm_up as queries


def warm_up() -> None:
    """Load the compiled code, or compile it when no earlier process has; that takes seconds."""
    remote_write.warm_up()
    message_count.warm_up()
    assembly.warm_up()
    queries.warm_up()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")
    warm_up()
