"""Questions put to systems one after the other, the times of their answers, and whether these agree."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.agreement import disagreement
from benchmarks.datasets import Dataset
from benchmarks.keepalive import KeepAlive
from benchmarks.questions import Question
from benchmarks.services import SERIES_A_TARGET
from benchmarks.systems import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of a question.

    Attributes:
        seconds: The median of each system, in the order of the systems.
        problem: Why the times say nothing, '' if they do.
    """

    question: Question
    seconds: list[float]
    problem: str

    @property
    def ratio(self) -> float:
        """The portal's time to that of Prometheus."""
        return self.seconds[1] / self.seconds[0]


def ask(
    systems: Sequence[System], question: Question, dataset: Dataset, *, turns: int, end_ms: int = 0
) -> Row:
    """Ask each system so many times, after a time that does not count; compare the first answers."""
    targets = dataset.series // SERIES_A_TARGET
    requests = [
        question.request(turn, end_ms=end_ms or dataset.end_ms, targets=targets)
        for turn in range(turns + 1)
    ]
    medians, answers, problem = [], [], ""
    for system in systems:
        client = KeepAlive(system.port)
        times = []
        for request in requests:
            began = time.perf_counter()
            status, body = client.get(request.path, request.parameters)
            times.append(time.perf_counter() - began)
            if status != 200:
                problem = f"{system.name} answers {status} {body[:100].decode(errors='replace')}"
            if len(times) == 1:
                answers.append(body)
        client.close()
        medians.append(float(np.median(times[1:])))
    # VictoriaMetrics has its own idea of rates and windows.
    problem = problem or disagreement(answers[0], answers[1])
    return Row(question=question, seconds=medians, problem=problem)


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(ratios))))
