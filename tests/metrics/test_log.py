"""Rows of the sample log and what is read from them."""

from __future__ import annotations

import struct
from collections import defaultdict

import numpy as np
import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from observability.metrics.models import SampleLog
from observability.metrics.store import catalogue, log
from observability.metrics.store.log import LogSamples
from observability.metrics.store.storage import read_samples
from tests.metrics.store.database import wait_until_settled

any_float = st.integers(0, 2**64 - 1).map(
    lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]
)
samples = st.lists(
    st.tuples(st.integers(1, 2**62), st.integers(-(2**53), 2**53), any_float),
    min_size=1,
    max_size=200,
)


def as_log_samples(rows: list[tuple[int, int, float]]) -> LogSamples:
    return LogSamples(
        series_ids=np.array([row[0] for row in rows], np.int64),
        timestamps_ms=np.array([row[1] for row in rows], np.int64),
        values=np.array([row[2] for row in rows], np.float64),
    )


@given(samples)
def test_a_row_is_decoded_bit_for_bit(rows: list[tuple[int, int, float]]) -> None:
    given_samples = as_log_samples(rows)

    decoded = log.decode(log.encode(given_samples))

    assert decoded.series_ids.tobytes() == given_samples.series_ids.tobytes()
    assert decoded.timestamps_ms.tobytes() == given_samples.timestamps_ms.tobytes()
    assert decoded.values.tobytes() == given_samples.values.tobytes()


def test_a_row_of_a_newer_layout_is_refused() -> None:
    data = log.encode(as_log_samples([(1, 2, 3.0)]))

    with pytest.raises(ValueError, match="layout 9"):
        log.decode(b"\x09" + data[1:])


class ReadingTest(TestCase):
    """Any samples, in any order and batching, read back exactly, once."""

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_samples_are_read_back_once_whatever_the_batching(self, data: st.DataObject) -> None:
        rows = data.draw(
            st.lists(
                st.tuples(st.integers(1, 6), st.integers(0, 20), st.sampled_from([1.0, 2.0, -3.5])),
                max_size=40,
            )
        )
        cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
        for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            log.append(as_log_samples(rows[start:end]), catalogue.epoch())
        wanted, start_ms, end_ms = [5, 2, 9], 3, 15

        found = read_samples(wanted, start_ms, end_ms)

        expected: dict[tuple[int, int], list[float]] = defaultdict(list)
        for series_id, at, value in rows:
            if series_id in wanted and start_ms <= at <= end_ms:
                expected[wanted.index(series_id), at].append(value)
        got = list(
            zip(
                found.series_ids.tolist(),
                found.timestamps_ms.tolist(),
                found.values.tolist(),
                strict=True,
            )
        )
        assert [(place, at) for place, at, _ in got] == sorted(expected)
        assert all(value in expected[place, at] for place, at, value in got)


@pytest.mark.django_db
def test_of_two_values_at_one_time_the_same_one_wins_in_either_order() -> None:
    series_id = int(catalogue.series_ids([(("__name__", "m"),)])[0])
    answers = []
    for values in ([1.0, 2.0], [2.0, 1.0]):
        SampleLog.objects.all().delete()
        for value in values:
            log.append(as_log_samples([(series_id, 1000, value)]), catalogue.epoch())
        answers.append(read_samples([series_id], 0, 2000).values.tolist())

    assert answers[0] == answers[1]
    assert len(answers[0]) == 1


@pytest.mark.django_db
def test_only_rows_that_are_old_altogether_are_deleted() -> None:
    log.append(as_log_samples([(1, 1000, 1.0)]), catalogue.epoch())
    log.append(as_log_samples([(1, 1500, 1.0), (1, 9000, 1.0)]), catalogue.epoch())

    deleted = log.delete_before(5000)

    assert deleted == 1
    assert read_samples([1], 0, 10_000).timestamps_ms.tolist() == [1500, 9000]


@pytest.mark.django_db
def test_a_row_carries_the_transaction_that_wrote_it() -> None:
    log.append(as_log_samples([(1, 1000, 1.0)]), catalogue.epoch())

    assert SampleLog.objects.get().transaction_id > 0


def test_of_a_row_only_the_wanted_series_are_decoded() -> None:
    data = log.encode(as_log_samples([(3, 1, 1.0), (1, 2, 2.0), (3, 3, 3.0)]))

    some = log.decode(data, np.array([2, 3]))
    none = log.decode(data, np.array([2, 4]))

    assert some.timestamps_ms.tolist() == [1, 3]
    assert len(none.values) == 0


@pytest.mark.django_db(transaction=True)
def test_rows_are_claimed_until_they_hold_enough_samples() -> None:
    for at in range(4):
        log.append(as_log_samples([(1, at, 1.0), (2, at, 1.0)]), catalogue.epoch())
    wait_until_settled()

    with transaction.atomic():
        claimed = log.claim(3)

    assert len(claimed) == 2


@pytest.mark.django_db(transaction=True)
def test_a_row_that_was_restored_from_another_server_is_settled() -> None:
    log.append(as_log_samples([(1, 1, 1.0)]), catalogue.epoch())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_samplelog SET transaction_id = '9000000000000'")

    with transaction.atomic():
        claimed = log.claim(10)

    assert len(claimed) == 1
