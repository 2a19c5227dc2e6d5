"""Exemplars that a target exposes."""

from __future__ import annotations

import pytest

from tests.metrics.ingest.stored_exemplars import stored_exemplars

from .targets import START, STEP, exporter, make_job, milliseconds, only_value, scrape_all

pytestmark = pytest.mark.django_db

OPENMETRICS = {"Content-Type": "application/openmetrics-text; version=1.0.0"}
# With a time of its own, without one, without labels.
TEXT = """\
a_total 5 # {trace_id="x\\"y"} 0.5 %s
dropped_total 1 # {trace_id="gone"} 1
b_total 5 # {trace_id="2"} 1e3
c_total 5 # {} -Inf
d_total 5 # {trace_id="1",trace_id="2"} 1
up_to_date 1
# EOF
"""


def test_exemplars_of_a_target_are_kept_once() -> None:
    start_ms = milliseconds(START)
    with exporter(TEXT % (start_ms / 1000 - 1.25), headers=OPENMETRICS) as target:
        make_job(
            target.address,
            metric_relabel_rules=[
                {"source_labels": ["__name__"], "regex": "dropped.*", "action": "drop"}
            ],
        )
        scrape_all(0)
        scrape_all(1)
        target.text = target.text.replace("1e3", "2e3")
        scrape_all(2)

    found = {name.split()[0]: told for name, told in stored_exemplars('{job="app"}').items()}
    assert found == {
        "a_total": [({"trace_id": 'x"y'}, 0.5, start_ms - 1250)],
        "b_total": [
            ({"trace_id": "2"}, 1000.0, start_ms),
            ({"trace_id": "2"}, 2000.0, milliseconds(START + 2 * STEP)),
        ],
        "c_total": [({}, float("-inf"), start_ms)],
    }
    assert only_value("scrape_samples_post_metric_relabeling") == 5
