"""Ninety minutes of samples that hold what queries trip over, for two servers to answer from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from random import Random

from observability.promql.staleness import STALE_NAN
from tests.metrics.ingest.write_requests import series as encode_series
from tests.metrics.ingest.write_requests import snappy

MINUTE_MS = 60_000
LENGTH_MS = 90 * MINUTE_MS
_BODY_MS = 10 * MINUTE_MS
_BOUNDS = ("0.005", "0.05", "0.5", "1", "5", "+Inf")

Labels = Mapping[str, str]
Series = tuple[Labels, dict[int, float]]
"""Labels, and values by milliseconds since the start."""


def bodies(start_ms: int) -> Iterator[bytes]:
    """Yield remote-write bodies with all samples, oldest first, as a server wants them."""
    every = list(all_series())
    for begin in range(0, LENGTH_MS + 1, _BODY_MS):
        written = [
            encode_series(
                labels,
                *(
                    (start_ms + time, value)
                    for time, value in sorted(samples.items())
                    if begin <= time < begin + _BODY_MS
                ),
            )
            for labels, samples in every
            if any(begin <= time < begin + _BODY_MS for time in samples)
        ]
        yield snappy(b"".join(written))


def all_series() -> Iterator[Series]:
    """Yield all series; the same ones at every run."""
    random = Random(4)  # noqa: S311 (nothing secret)
    for family in (
        _requests,
        _durations,
        _broken_histograms,
        _loads,
        _temperatures,
        _infos,
        _oddities,
        _ties,
    ):
        yield from family(random)


def _requests(random: Random) -> Iterator[Series]:
    """Counters scraped every 15 s by several processes, with restarts, gaps and an end."""
    for job in ("api", "web"):
        for instance in ("a:1", "b:1", "c:1"):
            gap = range(start := random.randrange(10, 20) * MINUTE_MS, start + 8 * MINUTE_MS)
            # Long after the gap: 2.x stretches a counter that begins near zero in other ways.
            restart_ms = random.randrange(40, 70) * MINUTE_MS
            scrapes = _scrapes(random, 15_000)
            for code in ("200", "404", "500"):
                value, samples, is_up = 1e4 + random.randrange(1000), {}, True
                for time in scrapes:
                    if is_up and time >= restart_ms:
                        value, is_up = 0.0, False
                    value += random.choice([0, 0, 1, 2, 7, 0.5])
                    if time not in gap:
                        samples[time] = value
                if (job, instance) == ("web", "c:1"):
                    samples = {t: v for t, v in samples.items() if t < 50 * MINUTE_MS}
                    samples[max(samples) + 15_000] = STALE_NAN
                yield _named("http_requests_total", samples, job=job, instance=instance, code=code)


def _durations(random: Random) -> Iterator[Series]:
    """Classic histograms that count together."""
    for job in ("api", "web"):
        for instance in ("a:1", "b:1"):
            totals = [1e5] * len(_BOUNDS)
            samples: list[dict[int, float]] = [{} for _ in _BOUNDS]
            sums: dict[int, float] = {}
            for time in _scrapes(random, 15_000):
                for place in range(len(_BOUNDS)):
                    totals[place] += random.randrange(1 + place % 3)
                for place, bucket in enumerate(samples):
                    bucket[time] = sum(totals[: place + 1])
                sums[time] = sum(totals) * 0.37
            for bound, bucket in zip(_BOUNDS, samples, strict=True):
                yield _named(
                    "duration_seconds_bucket", bucket, job=job, instance=instance, le=bound
                )
            yield _named("duration_seconds_sum", sums, job=job, instance=instance)
            yield _named("duration_seconds_count", samples[-1], job=job, instance=instance)


def _broken_histograms(random: Random) -> Iterator[Series]:
    """Buckets that fall, that lack the last bound, whose bound is no number or written twice."""
    every = range(0, LENGTH_MS + 1, 30_000)
    for kind, bounds in {
        "falling": ("1", "2", "4", "+Inf"),
        "open": ("1", "2", "4"),
        "malformed": ("1", "two", "+Inf"),
        "twice": ("1", "1.0", "2", "+Inf"),
        "alone": ("+Inf",),
        "negative": ("-5", "0", "5", "+Inf"),
    }.items():
        for place, bound in enumerate(bounds):
            slope = 9 - place if kind == "falling" else 3 + place
            samples = {time: float(time // 30_000 * slope) for time in every}
            yield _named("broken_bucket", samples, kind=kind, le=bound)
    yield _named("broken_bucket", dict.fromkeys(every, 1.0), kind="no-bound")


def _loads(random: Random) -> Iterator[Series]:
    """Gauges at irregular times, one of them seldom."""
    for instance in ("a:1", "b:1", "c:1", "d:1"):
        time, samples = random.randrange(20_000), {}
        while time <= LENGTH_MS:
            samples[time] = random.gauss(2, 1.5)
            time += random.randrange(5_000, 400_000 if instance == "d:1" else 60_000)
        yield _named("node_load", samples, instance=instance)


def _temperatures(random: Random) -> Iterator[Series]:
    """Gauges that are at times no number, and that come and go with stale markers."""
    odd = [math.nan, math.inf, -math.inf, 0.0, -0.0]
    for room in ("cellar", "kitchen", "attic", "garden"):
        samples = {}
        for time in range(0, LENGTH_MS + 1, 30_000):
            if room == "cellar" or random.random() < 0.8:
                samples[time] = round(20 + 8 * math.sin(time / 900_000) + random.random(), 2)
            if room == "garden" and random.random() < 0.15:
                samples[time] = random.choice(odd)
            if room == "attic" and random.random() < 0.1:
                samples[time] = STALE_NAN
        yield _named("temperature_celsius", samples, room=room)


def _infos(random: Random) -> Iterator[Series]:
    """What joins take labels from."""
    every = range(0, LENGTH_MS + 1, MINUTE_MS)
    for job, instance, version in (
        ("api", "a:1", "1.9"),
        ("api", "b:1", "1.10"),
        ("web", "a:1", "2.0"),
        ("web", "b:1", "2.0"),
    ):
        yield _named(
            "build_info",
            dict.fromkeys(every, 1.0),
            job=job,
            instance=instance,
            version=version,
        )
    for job, limit in (("api", 50.0), ("web", 80.0), ("batch", 10.0)):
        yield _named("request_limit", dict.fromkeys(every, limit), job=job)


def _oddities(random: Random) -> Iterator[Series]:
    """Sizes, names and texts at the edges of what there is."""
    every = range(0, LENGTH_MS + 1, MINUTE_MS)
    yield _named("job:http_requests:rate5m", {t: t / 1e6 for t in every}, job="api")
    yield _named("constant", dict.fromkeys(every, 42.0))
    for size, value in (("huge", 1e300), ("tiny", 1e-300), ("exact", 2.0**53)):
        yield _named("size", {t: value * (1 + t / LENGTH_MS) for t in every}, size=size)
    for text in ('quote "', "back\\slash", "new\nline", "käse ✓", " blank ", "a,b", "10", "9"):
        yield _named("text", dict.fromkeys(every, float(len(text))), text=text)
    many = {f"label_{n:02}": f"value {n % 3}" for n in range(25)}
    yield _named("labelled", dict.fromkeys(every, 1.0), **many)
    yield _named("labelled", dict.fromkeys(every, 2.0), **many, label_99="x")
    yield _named("once", {30 * MINUTE_MS: 7.0}, kind="alone")
    yield _named("once", {30 * MINUTE_MS: 7.0, 34 * MINUTE_MS: 9.0}, kind="pair")
    yield _named("up_and_down", {t: float(t // MINUTE_MS % 2) for t in every}, on="off")
    yield _named("epoch_seconds", {t: 1.7e9 + t * 400 for t in every})


def _ties(random: Random) -> Iterator[Series]:
    """Equal values."""
    for n in range(8):
        yield _named("tied", dict.fromkeys(range(0, LENGTH_MS, 45_000), float(n % 3)), n=str(n))


def _scrapes(random: Random, interval_ms: int) -> list[int]:
    """Return the times of scrapes, a few of them missed, some a little late."""
    first = random.randrange(interval_ms)
    return [
        time + random.choice([0, 0, 0, 1, 2, 40])
        for time in range(first, LENGTH_MS - 100, interval_ms)
        if random.random() > 0.02
    ]


def _named(name: str, samples: dict[int, float], **labels: str) -> Series:
    return {"__name__": name, **labels}, samples
