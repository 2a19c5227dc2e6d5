"""What is asked of the fleet of services: heavy queries as dashboards have them, and light ones."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A path of Prometheus's API, and its parameters."""

    path: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that is asked again and again, each time a little differently.

    Attributes:
        text: The expression or selector; `$instance` stands for one of the targets.
        path: Below `/api/v1/`.
        seconds: The range, which ends shortly before the data do; 0 for an instant query.
        step: In seconds.
    """

    text: str
    path: str = "query_range"
    seconds: int = 0
    step: int = 0

    @property
    def name(self) -> str:
        """As it stands in the table."""
        if self.path == "query":
            return f"`{self.text}`"
        if self.path != "query_range":
            return f"{self.path} `{self.text}`"
        return f"`{self.text}`, {_readable(self.seconds)} at {_readable(self.step)}"

    def request(self, turn: int, *, end_ms: int, targets: int) -> Request:
        """Return what is asked the n-th time: another end, another target."""
        text = self.text.replace("$instance", f"host-{turn * 7 % targets:04d}:9100")
        # Never a multiple of a step: nothing that was answered before helps.
        end = f"{(end_ms - 60_000 - turn * 7_013) / 1000:.3f}"
        start = f"{float(end) - self.seconds:.3f}"
        match self.path:
            case "query":
                parameters = {"query": text, "time": end}
            case "query_range":
                parameters = {"query": text, "start": start, "end": end, "step": str(self.step)}
            case _:
                parameters = {"match[]": text} if text else {}
        return Request(path=f"/api/v1/{self.path}", parameters=parameters | {"nocache": "1"})


def _range(text: str, *, hours: float, step: int = MINUTE) -> Question:
    return Question(text=text, seconds=int(hours * HOUR), step=step)


def _readable(seconds: int) -> str:
    if seconds % HOUR == 0:
        return f"{seconds // HOUR} h"
    return f"{seconds // MINUTE} min" if seconds % MINUTE == 0 else f"{seconds} s"


_RATE = "rate(http_requests_total[5m])"
_BUCKETS = "rate(http_request_duration_seconds_bucket[5m])"

HEAVY = (
    _range(f"sum by (job) ({_RATE})", hours=6),
    _range(f"sum by (handler, code) ({_RATE})", hours=6),
    _range("sum(increase(http_requests_total[1h]))", hours=6, step=5 * MINUTE),
    _range(f"histogram_quantile(0.95, sum by (le) ({_BUCKETS}))", hours=6),
    _range(f"histogram_quantile(0.99, sum by (le, job) ({_BUCKETS}))", hours=1, step=15),
    _range("avg by (queue) (avg_over_time(queue_length[10m]))", hours=6),
    _range("max(max_over_time(queue_length[30m]))", hours=3),
    _range("max by (job) (quantile_over_time(0.9, queue_length[10m]))", hours=3),
    _range(f"sum by (job) (rate(http_errors_total[5m])) / sum by (job) ({_RATE})", hours=6),
    _range(f"max(rate(http_errors_total[5m]) / {_RATE})", hours=3),
    _range(
        f"sum by (version) ({_RATE} * on (instance) group_left (version) service_info)", hours=3
    ),
    _range(f"max_over_time(sum by (job) ({_RATE})[30m:1m])", hours=3),
    _range(f"topk(5, sum by (instance) ({_RATE}))", hours=3),
    _range('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))', hours=6),
    _range("sum(queue_length)", hours=6, step=15),
    _range("quantile by (job) (0.9, queue_length)", hours=6),
    _range("count by (job) (queue_length > 50)", hours=6),
    _range("max by (job) (predict_linear(queue_length[30m], 3600))", hours=1),
    _range('rate(http_requests_total{code="500"}[5m])', hours=1),
)

_ONE = 'queue_length{instance="$instance",queue="q-07"}'
_COUNTER = 'http_requests_total{instance="$instance",handler="/cart",code="200"}'
_SOME = 'http_requests_total{instance="$instance"}'

LIGHT = (
    Question(path="query", text="1 + 1"),
    Question(path="query", text=_ONE),
    Question(path="query", text=f"rate({_COUNTER}[5m])"),
    Question(path="query", text=_SOME),
    Question(path="query", text=f"sum by (code) (rate({_SOME}[5m]))"),
    Question(path="query", text="count(service_info)"),
    _range(_ONE, hours=1),
    _range(f"rate({_COUNTER}[5m])", hours=1),
    _range(f"sum by (code) (rate({_SOME}[5m]))", hours=1),
    Question(path="series", text=_SOME),
    Question(path="labels", text=_SOME),
    Question(path="label/handler/values", text=""),
    Question(path="label/instance/values", text="service_info"),
)
