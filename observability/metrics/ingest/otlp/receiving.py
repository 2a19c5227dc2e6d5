"""What is done with an OTLP request: what can be stored is, data points that cannot are counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import transaction
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from observability.metrics.ingest import series_memory
from observability.metrics.ingest.acceptance import time_bounds
from observability.metrics.ingest.intake import Incoming, Kept, take_in
from observability.metrics.ingest.otlp.running_totals import LATE, Deltas, accumulate
from observability.metrics.ingest.otlp.start_times import StartTimes
from observability.metrics.ingest.otlp.translation import Kind, Translation, translate
from observability.metrics.ingest.receipt import Receipt
from observability.metrics.ingest.sender import Sender
from observability.metrics.ingest.series_memory import Realm
from observability.metrics.instruments import SAMPLES_REFUSED
from observability.metrics.store import catalogue, log
from observability.metrics.store.catalogue import Epoch
from observability.metrics.store.log import LogSamples

PROTOCOL = "otlp"

_NO_POINT = -1
# Of the reasons for refusals only so many are named.
_MAX_REASONS = 10

_start_times = StartTimes()
catalogue.on_forget(_start_times.forget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a request.

    Attributes:
        rejected: How many data points were not stored, or only in part.
        message: Why, '' when there is nothing to say.
        is_throttled: Whether some were refused only because too many new series came at once.
    """

    rejected: int
    message: str
    is_throttled: bool


def receive(request: ExportMetricsServiceRequest, *, now_ms: int, sender: Sender) -> Outcome:
    """Store the samples of a request, which is used up by that; they are durable when this returns.

    Raises:
        BodyTooLargeError: It has too many samples; nothing was stored.
    """
    translation = translate(request)
    realm = series_memory.realm(PROTOCOL, sender.added_labels)
    starts = _Starts.of(translation, realm)
    resets = starts.resets(translation, oldest_ms=time_bounds(now_ms).oldest_ms)
    storing = _Storing(translation, reset_count=len(resets))
    receipt = take_in(
        Incoming(
            keys=translation.keys,
            series=np.concatenate([np.arange(len(translation.keys)), resets]),
            timestamps_ms=np.concatenate(
                [
                    translation.times_ms[translation.points],
                    translation.starts_ms[translation.points[resets]],
                ]
            ),
            values=np.concatenate([translation.values, np.zeros(len(resets))]),
            decode=translation.series_keys.labels,
            metadata=translation.metadata,
            exemplars=translation.exemplars,
        ),
        protocol=PROTOCOL,
        sender=sender,
        now_ms=now_ms,
        append=storing.append,
    )
    starts.remember(realm)
    return _outcome(translation, storing, receipt)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Starts:
    """The starts of the counters of a request.

    Attributes:
        points: int64, the data points that are totals since a time that is told.
        keys: The first series of each.
        starts_ms: int64, when each began.
        known_ms: int64, when it had begun for all that this process knew; 0 when it knew nothing.
    """

    points: NDArray[np.int64]
    keys: list[bytes]
    starts_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]

    @classmethod
    def of(cls, translation: Translation, realm: Realm) -> _Starts:
        starts_ms = translation.starts_ms
        points = np.flatnonzero(
            (translation.kinds == Kind.TOTAL) & (starts_ms > 0) & (starts_ms < translation.times_ms)
        )
        first_samples = np.flatnonzero(np.diff(translation.points, prepend=-1))
        keys = [translation.keys[sample] for sample in first_samples[points].tolist()]
        return cls(
            points=points,
            keys=keys,
            starts_ms=starts_ms[points],
            known_ms=_start_times.known(realm, keys),
        )

    def resets(self, translation: Translation, *, oldest_ms: int) -> NDArray[np.intp]:
        """Return the samples whose counter began anew, at a time of which samples are taken."""
        is_reset = (
            (self.known_ms > 0) & (self.starts_ms > self.known_ms) & (self.starts_ms >= oldest_ms)
        )
        is_reset_point = np.zeros(len(translation.times_ms), np.bool_)
        is_reset_point[self.points[is_reset]] = True
        return np.flatnonzero(is_reset_point[translation.points])

    def remember(self, realm: Realm) -> None:
        """Remember the starts that were not known."""
        news = np.flatnonzero(self.starts_ms > self.known_ms)
        if len(news):
            keys = [self.keys[place] for place in news.tolist()]
            _start_times.remember(realm, keys, self.starts_ms[news])


class _Storing:
    """Stores samples once their series are known, deltas as totals; notes what is left out.

    Attributes:
        refused_points: The data points of which a sample was refused.
        late_points: Those that were deltas and came too late.
    """

    def __init__(self, translation: Translation, *, reset_count: int) -> None:
        self.refused_points: NDArray[np.int64] = np.empty(0, np.int64)
        self.late_points: NDArray[np.int64] = np.empty(0, np.int64)
        self._translation = translation
        # The zeros of resets come last, and are of no data point.
        self._points = np.concatenate([translation.points, np.full(reset_count, _NO_POINT)])

    def append(self, samples: LogSamples, kept: Kept, epoch: Epoch) -> None:
        """Store all of these samples or none; they are those of the request that are `kept`."""
        is_left_out = np.ones(len(self._points), np.bool_)
        is_left_out[kept] = False
        self.refused_points = np.unique(self._points[is_left_out])
        points = self._points[kept]
        kinds = np.where(points == _NO_POINT, Kind.VALUE, self._translation.kinds[points])
        is_delta = (kinds == Kind.GROWTH) | (kinds == Kind.CHANGE)
        if not is_delta.any():
            log.append(samples, epoch)
            return
        deltas = Deltas(
            series_ids=samples.series_ids[is_delta],
            starts_ms=self._translation.starts_ms[points[is_delta]],
            ends_ms=samples.timestamps_ms[is_delta],
            changes=samples.values[is_delta],
            is_counter=kinds[is_delta] == Kind.GROWTH,
        )
        others = LogSamples(
            series_ids=samples.series_ids[~is_delta],
            timestamps_ms=samples.timestamps_ms[~is_delta],
            values=samples.values[~is_delta],
        )
        with transaction.atomic():
            accumulated = accumulate(deltas)
            log.append(log.concatenate([others, accumulated.samples]), epoch)
        self.late_points = np.unique(points[is_delta][accumulated.is_late])


def _outcome(translation: Translation, storing: _Storing, receipt: Receipt) -> Outcome:
    """Return what became of the data points of a request."""
    refusals = translation.refusals
    for point in storing.late_points.tolist():
        refusals.add(LATE, translation.names[point])
    if refusals.points:
        SAMPLES_REFUSED.labels(protocol=PROTOCOL).inc(refusals.points)
    refused = storing.refused_points[storing.refused_points < translation.data_point_count]
    rejected = refusals.points + int(np.count_nonzero(refused != _NO_POINT))
    reasons = refusals.in_words() + [
        f"{count} samples: {reason}" for reason, count in receipt.refused.most_common(_MAX_REASONS)
    ]
    message = "; ".join(reasons)
    return Outcome(rejected=rejected, message=message, is_throttled=receipt.is_throttled)
