from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.routing.dedup import LogEntry, Reason, is_old_news, may_leave, reason_to_notify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPEAT = timedelta(hours=4)


def told(
    firing: str = "", resolved: str = "", *, ago: timedelta = timedelta(), settled: bool = True
) -> LogEntry:
    return LogEntry(
        firing=frozenset(firing),
        resolved=frozenset(resolved),
        notified_at=NOW - ago,
        is_settled=settled,
    )


@pytest.mark.parametrize(
    ("entry", "firing", "resolved", "expected"),
    [
        pytest.param(None, "a", "", Reason.FIRST, id="first alert"),
        pytest.param(None, "", "a", None, id="only ever resolved"),
        pytest.param(told("a"), "a", "", None, id="nothing new"),
        pytest.param(told("a"), "ab", "", Reason.NEW_FIRING, id="one more fires"),
        pytest.param(told("ab"), "a", "b", Reason.NEW_RESOLVED, id="one of two resolves"),
        pytest.param(told("a", "b"), "a", "b", None, id="resolved one was told"),
        pytest.param(told("a"), "", "a", Reason.ALL_RESOLVED, id="all resolve"),
        pytest.param(told("", "a"), "", "a", None, id="end was told"),
        pytest.param(told("", "a"), "", "b", None, id="fired and resolved between two flushes"),
        pytest.param(told("", "a"), "a", "", Reason.NEW_FIRING, id="fires again after its end"),
        pytest.param(told("a", ago=REPEAT), "a", "", Reason.REPEAT, id="repeat interval is over"),
        pytest.param(
            told("a", ago=REPEAT - timedelta(seconds=1)), "a", "", None, id="repeat is not due yet"
        ),
        pytest.param(told("", "a", ago=REPEAT), "", "a", None, id="an end is never repeated"),
    ],
)
def test_reason_to_notify_follows_the_notification_log(
    entry: LogEntry | None, firing: str, resolved: str, expected: Reason | None
) -> None:
    reason = reason_to_notify(
        entry,
        firing=frozenset(firing),
        resolved=frozenset(resolved),
        sends_resolved=True,
        repeat_interval=REPEAT,
        now=NOW,
    )

    assert reason == expected


@pytest.mark.parametrize(
    ("firing", "resolved", "expected"),
    [
        pytest.param("a", "b", None, id="one of two resolves"),
        pytest.param("", "ab", Reason.ALL_RESOLVED, id="all resolve, which must be recorded"),
    ],
)
def test_integration_without_resolved_messages_only_records_the_end_of_all(
    firing: str, resolved: str, expected: Reason | None
) -> None:
    reason = reason_to_notify(
        told("ab"),
        firing=frozenset(firing),
        resolved=frozenset(resolved),
        sends_resolved=False,
        repeat_interval=REPEAT,
        now=NOW,
    )

    assert reason == expected


@pytest.mark.parametrize(
    ("entry", "sends_resolved", "expected"),
    [
        pytest.param(None, True, True, id="never told"),
        pytest.param(told("", "a"), True, True, id="end has arrived"),
        pytest.param(told("", "a", settled=False), True, False, id="end is on its way"),
        pytest.param(told("a"), True, False, id="still believed to fire"),
        pytest.param(told("a"), False, True, id="does not want to hear of the end"),
    ],
)
def test_resolved_alert_leaves_once_its_end_has_been_told(
    entry: LogEntry | None, sends_resolved: bool, expected: bool
) -> None:
    assert may_leave(entry, "a", sends_resolved=sends_resolved) is expected


def test_end_that_is_still_on_its_way_is_no_old_news() -> None:
    assert is_old_news(told("", "a"), "a")
    assert not is_old_news(told("", "a", settled=False), "a")
    assert not is_old_news(None, "a")
