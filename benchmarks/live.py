"""Remote write in real time: two senders with samples of now, each body sent when its time has come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cramjam
import numpy as np
from numpy.typing import NDArray

from benchmarks.bodies import encode_labels
from benchmarks.ingest import send
from benchmarks.storage import Fleet
from observability.metrics.ingest.protobuf import field, varint

CONNECTIONS = 2
BODY_SAMPLES = 500
SERIES_A_TARGET = 100
# Values are made ahead for so many samples of each series.
_BLOCK = 5
# A sample as the last field of its series: eight bytes of value, six of time until the year 2109.
_SAMPLE = b"\x09" + bytes(8) + b"\x10" + varint(1 << 41)


class Template:
    """A body of which only times and values change."""

    def __init__(self, labels: Sequence[dict[str, str]]) -> None:
        parts = [field(1, encode_labels(one) + field(2, _SAMPLE)) for one in labels]
        ends = np.cumsum([len(part) for part in parts])[:, None]
        self._message = np.frombuffer(b"".join(parts), np.uint8).copy()
        self._values = ends - 15 + np.arange(8)
        self._times = ends - 6 + np.arange(6)

    def body(self, at_ms: int, values: NDArray[np.float64]) -> bytes:
        """Return the body with one sample of each series at this time."""
        self._message[self._values] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
        self._message[self._times] = np.frombuffer(varint(at_ms), np.uint8)
        return bytes(cramjam.snappy.compress_raw(self._message.tobytes()))


class Sender:
    """What one connection sends: the series of its own targets, whole targets a body."""

    def __init__(self, number: int, *, series_count: int) -> None:
        self._fleet = Fleet(series_count // SERIES_A_TARGET)
        labels = [
            one | {"cluster": f"eu-{number}", "environment": "production"}
            for one in self._fleet.series()
        ]
        order = np.argsort(self._fleet.target_of_series(), kind="stable")
        self._parts = np.split(order, range(BODY_SAMPLES, len(order), BODY_SAMPLES))
        self._templates = [Template([labels[at] for at in part]) for part in self._parts]

    def bodies(self, *, starts_at: float, interval: float) -> Iterator[tuple[float, bytes]]:
        """Yield for ever when a body is due, and the body; a round of all series an interval."""
        step = interval / len(self._templates)
        due = starts_at
        while True:
            values = self._fleet.values(_BLOCK)
            for place in range(_BLOCK):
                for part, template in zip(self._parts, self._templates, strict=True):
                    yield due, template.body(int(due * 1000), values[part, place])
                    due += step

    def one_round(self) -> Iterator[bytes]:
        """Yield a sample of now of every series."""
        bodies = self.bodies(starts_at=time.time(), interval=1)
        for _ in self._templates:
            yield next(bodies)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of the bodies of one connection.

    Attributes:
        samples: All that were answered.
        seconds: From the first to the last answer's time.
        answers: Seconds from sending each body to its answer.
        behind: Seconds from when each body was due to its answer.
    """

    samples: int
    seconds: float
    answers: NDArray[np.float64]
    behind: NDArray[np.float64]


def register(port: int, number: int, series_count: int) -> None:
    """Send a sample of every series over one connection, those of the others too.

    Connections that are open at one time go to different web processes: each then knows all.
    """
    senders = [
        Sender((number + turn) % CONNECTIONS, series_count=series_count // CONNECTIONS)
        for turn in range(CONNECTIONS)
    ]
    send(port, (body for sender in senders for body in sender.one_round()))


def send_paced(
    port: int, number: int, *, series_count: int, interval: float, starts_at: float, ends_at: float
) -> Sent:
    """Send the bodies of a connection, each when it is due or, if late, at once."""
    sender = Sender(number, series_count=series_count // CONNECTIONS)
    answers, behind = [], []

    def due_bodies() -> Iterator[bytes]:
        for due, body in sender.bodies(starts_at=starts_at, interval=interval):
            if max(due, time.time()) >= ends_at:
                return
            time.sleep(max(due - time.time(), 0))
            began = time.time()
            yield body
            # It goes on here when the body is answered.
            answered = time.time()
            answers.append(answered - began)
            behind.append(answered - due)

    send(port, due_bodies())
    return Sent(
        samples=len(answers) * BODY_SAMPLES,
        seconds=max(time.time(), ends_at) - starts_at,
        answers=np.array(answers),
        behind=np.array(behind),
    )
