"""The compiled code of the ways in, made ready before any request needs it.

`python -m observability.metrics.ingest.kernels` compiles what no earlier process has; processes
that come later load it.
"""

from __future__ import annotations

import os

from observability.metrics.ingest.otlp import message_count
from observability.metrics.ingest.remote_write import warm_up as remote_write


def warm_up() -> None:
    """Load the compiled code, or compile it when no earlier process has; that takes seconds."""
    remote_write.warm_up()
    message_count.warm_up()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observability.settings")
    warm_up()
