from __future__ import annotations

import pytest

from alerts.rules.files.definitions import FileGroup, FileRule
from alerts.rules.files.targets import Version, for_target, read_version
from alerts.rules.states import Otherwise

FULL = FileGroup(
    name="g",
    interval_ms=15_000,
    query_offset_ms=5_000,
    limit=3,
    labels={"team": "a", "tier": "1"},
    owner="ops",
    rules=[
        FileRule(
            alert="A",
            expr="up == 0",
            keep_firing_ms=60_000,
            labels={"tier": "2"},
            resolve_expr="up == 1",
            on_no_data=Otherwise.FIRE,
            on_error=Otherwise.RESOLVE,
        )
    ],
)


@pytest.mark.parametrize(
    ("version", "left"),
    [
        pytest.param("2.30", (0, None, 0, {}), id="before limits"),
        pytest.param("2.31", (3, None, 0, {}), id="with limits"),
        pytest.param("2.42", (3, None, 60_000, {}), id="with keep_firing_for"),
        pytest.param("2.53", (3, 5_000, 60_000, {}), id="with query_offset"),
        pytest.param("3.0", (3, 5_000, 60_000, {"team": "a", "tier": "1"}), id="with group labels"),
    ],
)
def test_a_version_gets_what_it_knows(
    version: str, left: tuple[int, int | None, int, dict[str, str]]
) -> None:
    ((group,), losses) = for_target([FULL], read_version(version))

    assert (group.limit, group.query_offset_ms, group.rules[0].keep_firing_ms, group.labels) == left
    assert group.rules[0].labels == {**({} if group.labels else {"team": "a"}), "tier": "2"}
    assert (group.owner, group.rules[0].resolve_expr) == ("", "")
    assert losses


def test_each_kind_of_loss_is_told_once() -> None:
    rules = [FileRule(alert=name, expr="up", on_no_data=Otherwise.KEEP) for name in "ABCDE"]

    _, losses = for_target([FileGroup(name="g", rules=rules)], Version(3, 0))

    assert losses == [
        "on_no_data left out, as Prometheus resolves alerts without data: g/A, g/B, g/C and 2 more"
    ]


def test_what_is_switched_off_does_not_come_back_to_life_elsewhere() -> None:
    groups = [
        FileGroup(name="off", enabled=False, rules=[FileRule(alert="A", expr="up")]),
        FileGroup(name="g", rules=[FileRule(alert="B", expr="up", enabled=False)]),
    ]

    kept, losses = for_target(groups, Version(2, 42))

    assert kept == [FileGroup(name="g", rules=[])]
    assert losses == [
        "groups left out that are disabled: off",
        "rules left out that are disabled: g/B",
    ]


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.42", "2.42"), ("v2.53.1", "2.53"), ("3", "3.0"), (" 3.5 ", "3.5")],
)
def test_versions_are_read(text: str, version: str) -> None:
    assert str(read_version(text)) == version


@pytest.mark.parametrize("text", ["", "1.8", "latest", "2.x"])
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match="expected a version of Prometheus"):
        read_version(text)
