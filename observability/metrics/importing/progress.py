"""How far an import is, on standard error: one line that is written over, where a person looks."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

# How often the line changes; and, where nobody looks, how often there is a new one.
_SECONDS_ON_TERMINAL = 0.2
_SECONDS_IN_LOG = 30.0


class Progress:
    """Says of one file how much is done, how fast, and how long it will take."""

    def __init__(self, stream: OutputWrapper, path: str) -> None:
        self._stream = stream
        self._path = path
        self._is_terminal = stream.isatty()
        self._begun = self._told = time.monotonic()
        self._first_position: int | None = None
        self._first_samples = 0

    def tell(self, *, position: int, size: int | None, samples: int) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if self._first_position is None:
            self._first_position, self._first_samples = position, samples
        pause = _SECONDS_ON_TERMINAL if self._is_terminal else _SECONDS_IN_LOG
        if now - self._told < pause:
            return
        self._told = now
        seconds = max(now - self._begun, 0.001)
        rate = (samples - self._first_samples) / seconds
        text = f"{self._path}: {samples:,} samples, {rate:,.0f}/s"
        if size:
            done = position / size
            text = f"{self._path}: [{_bar(done)}] {done:4.0%}, {samples:,} samples, {rate:,.0f}/s"
            if covered := position - self._first_position:
                text += f", {_clock((size - position) * seconds / covered)} left"
        self._write(text)

    def end(self) -> None:
        """Leave the line, so that the next output begins on its own."""
        if self._is_terminal:
            self._write("")

    def _write(self, text: str) -> None:
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{text}", ending="")
        else:
            self._stream.write(text)
        self._stream.flush()


def _bar(done: float, width: int = 20) -> str:
    full = min(round(done * width), width)
    return "#" * full + "." * (width - full)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
