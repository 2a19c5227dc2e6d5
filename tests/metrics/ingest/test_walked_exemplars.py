"""The compiled walks find the exemplars of a remote-write body, whatever stands around them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.exemplars import Exemplar
from observability.metrics.ingest.known_series import KnownSeries
from observability.metrics.ingest.remote_write import walk, walk_v2
from observability.metrics.ingest.remote_write.walk import Walked

from .test_exemplars import Sent, body_v1, body_v2

names = st.text(min_size=1, max_size=8)
label_sets = st.dictionaries(names, st.text(max_size=8), min_size=1, max_size=4)
exemplars = st.tuples(label_sets, st.floats(allow_nan=False), st.integers(0, 2**63 - 1))
samples = st.tuples(st.integers(0, 2**40), st.floats())
sent_series = st.lists(
    st.tuples(label_sets, st.lists(samples, max_size=2), st.lists(exemplars, max_size=3)),
    max_size=6,
    unique_by=lambda sent: tuple(sorted(sent[0].items())),
)


def walked(body: bytes, version: int, known: KnownSeries) -> Walked:
    data = np.frombuffer(body, np.uint8)
    return (
        walk.walk(data, 0, known) if version == 1 else walk_v2.walk(data, 0, known, KnownSeries())
    )


@pytest.mark.parametrize("version", [1, 2])
@given(sent_series)
def test_exemplars_are_found_with_their_series(version: int, sent: list[Sent]) -> None:
    body = body_v1 if version == 1 else body_v2
    known = KnownSeries()
    first = walked(body(*[(labels, [(1, 1.0)], []) for labels, _, _ in sent]), version, known)
    ids = np.arange(len(sent), dtype=np.int64)
    known.add(first.keys, 0, first.starts, first.ends, ids)

    found = walked(body(*sent), version, known)

    assert found.exemplars.by_series({}) == {
        place: [
            Exemplar(labels=told, value=value, timestamp_ms=at) for told, value, at in exemplars
        ]
        for place, (_, _, exemplars) in enumerate(sent)
        if exemplars
    }
    assert found.exemplars.count == sum(len(exemplars) for _, _, exemplars in sent)
    assert len(found.values) == sum(len(samples) for _, samples, _ in sent)


@pytest.mark.parametrize("version", [1, 2])
@given(sent_series)
def test_labels_of_unknown_series_are_kept_for_their_exemplars(
    version: int, sent: list[Sent]
) -> None:
    body = body_v1 if version == 1 else body_v2
    alone = walked(
        body(*[(labels, [(1, 1.0)], []) for labels, _, _ in sent]), version, KnownSeries()
    )
    keys = [
        alone.keys[start:end].tobytes() for start, end in zip(alone.starts, alone.ends, strict=True)
    ]

    found = walked(body(*sent), version, KnownSeries()).exemplars

    assert [found.keys[start:end].tobytes() for _, start, end, _, _ in found.rows.tolist()] == [
        key for key, (_, _, exemplars) in zip(keys, sent, strict=True) for _ in exemplars
    ]
