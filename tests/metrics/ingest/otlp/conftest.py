"""A sender of OTLP metrics, as an SDK or a Collector is one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from .messages import request

Send = Callable[..., Any]


@pytest.fixture
def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def post(client: Client, db: None) -> Callable[..., HttpResponse]:
    """Post a body with a key; headers as keywords."""
    from observability.access.keys import create_key  # noqa: PLC0415 (settings are ready only now)
    from observability.access.scopes import Scope  # noqa: PLC0415

    _, token = create_key(name="sdk", scopes=[Scope.METRICS_WRITE])

    def post(
        body: bytes,
        *,
        path: str = "/v1/metrics",
        content_type: str = "application/x-protobuf",
        **headers: str,
    ) -> HttpResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(  # type: ignore[return-value]  # the client's own kind of response
            path,
            body,
            content_type=content_type,
            headers={"Authorization": f"Bearer {token}", **given},
        )

    return post


@pytest.fixture
def send(post: Callable[..., HttpResponse]) -> Send:
    """Export metrics; return what the portal says of those that it did not take, None when it took all."""

    def send(*metrics: Metric, **of_request: Any) -> ExportMetricsPartialSuccess | None:
        answer = post(request(*metrics, **of_request).SerializeToString())
        assert answer.status_code == 200, answer.content
        assert answer["Content-Type"] == "application/x-protobuf"
        response = ExportMetricsServiceResponse.FromString(answer.content)
        return response.partial_success if response.HasField("partial_success") else None

    return send
