from __future__ import annotations

from pathlib import Path

import prometheus_client.values

from observability.telemetry.own_values import OwnValue
from observability.telemetry.registry import collect_families
from tests.telemetry.processes import Process


def test_all_metrics_of_the_portal_keep_their_values_in_files() -> None:
    from django_prometheus.db.metrics import execute_total  # noqa: PLC0415

    value = execute_total.labels("default", "postgresql")._value

    assert prometheus_client.values.ValueClass is OwnValue
    assert isinstance(value, OwnValue)


def test_forked_process_does_not_repeat_its_parents_values(tmp_path: Path) -> None:
    process = Process(
        tmp_path,
        """
        counter = Counter('jobs', 'Jobs.')
        counter.inc(40)
        if not os.fork():
            assert counter._value.get() == 0
            counter.inc(2)
            os._exit(0)
        assert os.wait()[1] == 0
        """,
    ).wait_done()

    [family] = collect_families(tmp_path)

    assert [sample.value for sample in family.samples] == [42]
    process.kill()


def test_forked_process_has_no_gauges_but_its_own(tmp_path: Path) -> None:
    process = Process(
        tmp_path,
        """
        started = Gauge('started', 'Start.', multiprocess_mode='livemin')
        counter = Counter('jobs', 'Jobs.')
        started.set(1000)
        reader, writer = os.pipe()
        if not os.fork():
            counter.inc()
            os.write(writer, b'x')
            time.sleep(3600)
        os.read(reader, 1)
        """,
    ).wait_done()

    families = {family.name: family.samples[0].value for family in collect_families(tmp_path)}

    assert families == {"jobs": 1, "started": 1000}
    process.kill()


def test_fork_while_another_thread_counts_does_not_hang(tmp_path: Path) -> None:
    process = Process(
        tmp_path,
        """
        counter = Counter('jobs', 'Jobs.')
        def count():
            while True:
                counter.inc()
        threading.Thread(target=count, daemon=True).start()
        for _ in range(50):
            if not os.fork():
                signal.alarm(10)
                counter.inc()
                os._exit(0)
            assert os.wait()[1] == 0
        """,
    )

    process.wait_done()

    process.kill()


def test_full_disk_loses_no_request_and_no_count(tmp_path: Path) -> None:
    process = Process(
        tmp_path,
        """
        import resource
        counter = Counter('jobs', 'Jobs.')
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        late = Counter('late', 'Late.', ['n'])
        for n in range(2000):
            late.labels(n).inc()
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        for n in range(2000):
            late.labels(n).inc()
        """,
    ).wait_done()

    [family] = [family for family in collect_families(tmp_path) if family.name == "late"]

    assert sum(sample.value for sample in family.samples) == 4000
    process.kill()
