"""Waiting for a condition with a deadline."""

import time
from collections.abc import Callable

from observability.embedded.errors import EmbeddedError


def wait_until(
    condition: Callable[[], bool],
    *,
    seconds: float,
    otherwise: str,
    stop_early: Callable[[], bool] = lambda: False,
) -> None:
    """Return once `condition` holds.

    Args:
        condition: Asked about 30 times a second.
        seconds: How long to wait for it.
        otherwise: The message of the `EmbeddedError` raised when it does not hold in time.
        stop_early: When this holds, waiting makes no sense any more.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if stop_early() or time.monotonic() > deadline:
            raise EmbeddedError(otherwise)
        time.sleep(0.03)
