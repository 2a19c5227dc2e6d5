"""The seam that everything above the store goes through."""

from __future__ import annotations

import pytest

from observability.metrics.backend import get_backend
from observability.metrics.samples import Metadata, MetricType, batch_at
from observability.promql import InstantVector
from observability.promql.labels import label_set
from observability.promql.matchers import Matcher, MatchOp

pytestmark = pytest.mark.django_db

LATENCY = Metadata(type=MetricType.HISTOGRAM, help="Time taken.", unit="seconds")


@pytest.fixture(autouse=True)
def _data(db: None) -> None:
    names = ["latency_bucket", "latency_sum", "latency_count", "up"]
    samples = [(label_set({"__name__": name, "job": "web"}), 1.0) for name in names]
    get_backend().append(batch_at(60_000, samples, metadata={"latency": LATENCY}))


def test_what_is_said_of_a_histogram_holds_for_its_parts() -> None:
    metadata = get_backend().metadata()

    assert metadata["latency_bucket"] == metadata["latency_sum"] == LATENCY
    assert metadata["up"] == Metadata()


def test_an_empty_statement_takes_nothing_back() -> None:
    sample = (label_set({"__name__": "latency_sum", "job": "web"}), 2.0)

    get_backend().append(batch_at(61_000, [sample], metadata={"latency_sum": Metadata()}))

    assert get_backend().metadata(["latency_sum"]) == {"latency_sum": LATENCY}


def test_labels_and_series_are_listed() -> None:
    backend = get_backend()

    assert backend.label_names() == ["__name__", "job"]
    assert backend.label_values("job") == ["web"]
    assert backend.label_values("__name__") == [
        "latency_bucket",
        "latency_count",
        "latency_sum",
        "up",
    ]
    assert list(backend.series([[Matcher("__name__", MatchOp.REGEX, "u.")]])) == [
        label_set({"__name__": "up", "job": "web"})
    ]


def test_a_range_query_reads_what_was_appended() -> None:
    result = get_backend().query_range("up", start_ms=60_000, end_ms=120_000, step_ms=60_000)

    assert result.samples_read == 1


def test_a_query_reads_what_was_appended() -> None:
    value = get_backend().query("up + 1", at_ms=60_000).value

    assert isinstance(value, InstantVector)
    assert list(value.samples()) == [(label_set({"job": "web"}), 2.0)]
