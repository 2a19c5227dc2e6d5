"""Workers are killed, and run twice, while they evaluate rules: no alert is lost and none is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.embedded.portal_process import PortalProcess, wait_for
from tests.faults.rule_portal import (
    KEY,
    another,
    import_rules,
    kill,
    query,
    rows,
    worker_processes,
    write,
)

pytestmark = pytest.mark.faults

GROUPS, INSTANCES, KILLS = 10, 30, 2
HOLD_SECONDS, INTERVAL_SECONDS = 15, 1
# A lease that a dead worker has left behind, and the time until there is another worker.
RECOVERY_SECONDS = 90


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    data_dir = tmp_path_factory.mktemp("rules") / "var"
    portal = PortalProcess.start(data_dir, BOOTSTRAP_API_KEY=KEY, PROMETHEUS_ENABLED="0")
    try:
        portal.wait_until_it_runs()
        yield portal
    finally:
        portal.end()


@dataclass(frozen=True, slots=True)
class Episode:
    """An alert's row."""

    rule_id: int
    fingerprint: str
    state: str
    active_at: datetime
    fired_at: datetime | None


class Scene:
    """Groups over a metric of their own: some alerts fire at once, some are held back, some never come."""

    def __init__(self, portal: PortalProcess, metric: str, folder: Path) -> None:
        self.portal, self.metric = portal, metric
        rules = "".join(
            f"  - alert: High{instance:02d}\n"
            f"    expr: {metric}{{instance='i{instance}'}} > 5\n"
            f"    for: {HOLD_SECONDS if instance % 3 == 1 else 0}s\n"
            for instance in range(INSTANCES)
        )
        file = folder / f"{metric}.yml"
        file.write_text(
            "groups:\n"
            + "".join(
                f"- name: {metric} {group:02d}\n  interval: {INTERVAL_SECONDS}s\n  rules:\n{rules}"
                f"  - record: {metric}:sum\n    expr: sum({metric})\n"
                f"    labels: {{group: '{group:02d}'}}\n"
                for group in range(GROUPS)
            )
        )
        self.set(9)
        import_rules(portal, file)

    def set(self, value: float) -> None:
        """Give a value to the instances that have alerts, which are two of three."""
        values = {f"i{number}": 1 if number % 3 == 2 else value for number in range(INSTANCES)}
        write(self.portal, self.metric, values)

    def alerts(self) -> dict[int, Episode]:
        """Return every alert that there ever was, by the id of its row."""
        found = rows(
            self.portal,
            "SELECT alert.id, alert.rule_id, alert.fingerprint, alert.state, alert.active_at, alert.fired_at"
            " FROM alerts_alert alert JOIN alerts_rule rule ON rule.id = alert.rule_id"
            " JOIN alerts_rulegroup g ON g.id = rule.group_id WHERE g.name LIKE %s",
            f"{self.metric} %",
        )
        return {row[0]: Episode(*row[1:]) for row in found}

    def states(self) -> Counter[str]:
        return Counter(alert.state for alert in self.alerts().values())

    def evaluations(self) -> dict[str, object]:
        """Return as of when each group was last evaluated."""
        found = rows(
            self.portal,
            "SELECT name, evaluated_at FROM alerts_rulegroup WHERE name LIKE %s",
            f"{self.metric} %",
        )
        return dict(found)

    def wait_for_evaluations(self) -> None:
        """Wait until every group has been evaluated once more."""
        before = self.evaluations()
        wait_for(
            lambda: all(at != before[name] for name, at in self.evaluations().items()),
            seconds=RECOVERY_SECONDS,
        )

    def wait_until_in_evaluation(self) -> None:
        """Wait until a worker holds a group."""
        wait_for(
            lambda: bool(
                rows(
                    self.portal,
                    "SELECT 1 FROM alerts_rulegroup WHERE name LIKE %s AND lease_until > now()",
                    f"{self.metric} %",
                )
            )
        )

    def recorded(self) -> dict[str, list[float]]:
        """Return the times of the samples that each group has recorded, stored twice or not."""
        return {
            one["metric"]["group"]: [at for at, _ in one["values"]]
            for one in query(self.portal, f"{self.metric}:sum[10m]")
        }


FIRST = GROUPS * len([number for number in range(INSTANCES) if number % 3 == 0])
HELD = GROUPS * len([number for number in range(INSTANCES) if number % 3 == 1])


def test_alerts_survive_kills_of_the_worker(portal: PortalProcess, tmp_path: Path) -> None:
    scene = Scene(portal, "killed_worker", tmp_path)
    wait_for(lambda: scene.states() == {"firing": FIRST, "pending": HELD})
    before = scene.alerts()

    for _ in range(KILLS):
        scene.wait_until_in_evaluation()
        kill_the_worker(portal)

    wait_for(lambda: scene.states() == {"firing": FIRST + HELD}, seconds=RECOVERY_SECONDS)
    assert_same_episodes(before, scene.alerts())
    scene.wait_for_evaluations()
    scene.set(1)
    wait_for(lambda: scene.states() == {"resolved": FIRST + HELD}, seconds=RECOVERY_SECONDS)
    assert_recorded_once(scene)


def test_a_process_of_the_worker_dies_alone(portal: PortalProcess, tmp_path: Path) -> None:
    scene = Scene(portal, "killed_process", tmp_path)
    wait_for(lambda: scene.states() == {"firing": FIRST, "pending": HELD})
    before = scene.alerts()

    for _ in range(KILLS):
        scene.wait_until_in_evaluation()
        kill(worker_processes(portal)[1:])
        wait_for(lambda: len(worker_processes(portal)) > 1)

    wait_for(lambda: scene.states() == {"firing": FIRST + HELD}, seconds=RECOVERY_SECONDS)
    assert_same_episodes(before, scene.alerts())
    scene.wait_for_evaluations()
    assert_recorded_once(scene)


def test_two_workers_and_two_beats_do_everything_once(
    portal: PortalProcess, tmp_path: Path
) -> None:
    schedule = f"--schedule={tmp_path / 'schedule'}"
    worker = ("worker", "--queues=timely", "--hostname=second@%h", "--concurrency=2")
    with another(portal, *worker), another(portal, "beat", "--pidfile=", schedule):
        scene = Scene(portal, "two_workers", tmp_path)

        wait_for(lambda: scene.states() == {"firing": FIRST + HELD}, seconds=RECOVERY_SECONDS)
        scene.set(1)
        wait_for(lambda: scene.states() == {"resolved": FIRST + HELD}, seconds=RECOVERY_SECONDS)
        scene.set(9)
        wait_for(lambda: scene.states()["firing"] == FIRST + HELD, seconds=RECOVERY_SECONDS)
        scene.wait_for_evaluations()

    assert scene.states() == {"resolved": FIRST + HELD, "firing": FIRST + HELD}
    firing = {
        (alert.rule_id, alert.fingerprint)
        for alert in scene.alerts().values()
        if alert.state == "firing"
    }
    assert len(firing) == FIRST + HELD
    assert_recorded_once(scene)


def kill_the_worker(portal: PortalProcess) -> None:
    """Kill all processes of the timely worker and wait for its successor."""
    killed = worker_processes(portal)
    kill(killed)
    wait_for(lambda: portal.process_of("timely") not in {None, killed[0]})


def assert_same_episodes(before: Mapping[int, Episode], after: Mapping[int, Episode]) -> None:
    """No alert has come or gone; what fired goes on, and what was held back was held long enough.

    Time in which nobody evaluated does not count for the hold: the clock of a pending alert is put
    forward by it, as Prometheus does.
    """
    assert after.keys() == before.keys()
    for key, alert in after.items():
        if before[key].state == "firing":
            assert alert == before[key]
        assert alert.active_at >= before[key].active_at
        assert alert.fired_at is not None
        held = HOLD_SECONDS if before[key].state == "pending" else 0
        assert (alert.fired_at - alert.active_at).total_seconds() >= held


def assert_recorded_once(scene: Scene) -> None:
    """Every sample stands at a time at which its group was due, and no time has two."""
    recorded = scene.recorded()
    assert len(recorded) == GROUPS
    for times in recorded.values():
        assert len(times) == len(set(times)) > 3
        phases = {round(at * 1000) % (INTERVAL_SECONDS * 1000) for at in times}
        # The first of a group may be of the moment at which it was made.
        assert len(phases) <= 2
