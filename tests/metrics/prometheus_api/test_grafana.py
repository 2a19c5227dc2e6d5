"""Grafana's requests, played against the portal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from django.test import Client

from observability.metrics.backend import get_backend
from observability.metrics.samples import Metadata, MetricType, SampleBatch
from observability.promql.labels import label_set

from .grafana import Recorded, recorded, samples

FIRST = 1_780_000_000


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["", "/prometheus"], ids=["root", "prefix"])
@pytest.mark.parametrize("request_", recorded(), ids=lambda request: request.name)
def test_grafana_finds_what_it_reads(
    client: Client, reader: dict[str, str], request_: Recorded, prefix: str
) -> None:
    _store(FIRST)

    def send(method: str, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        response = client.generic(
            method,
            prefix + path,
            body,
            content_type=headers.get("Content-Type", ""),
            headers={**reader, **headers},
        )
        content = b"".join(response)
        if response.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return response.status_code, json.loads(content)

    request_.play(send, FIRST)


def _store(first: int) -> None:
    given = samples(first)
    labels = [label_set({"__name__": one["name"], **one["labels"]}) for one in given]
    label_sets = sorted(set(labels))
    get_backend().append(
        SampleBatch(
            label_sets=label_sets,
            series=np.array([label_sets.index(each) for each in labels], np.int64),
            timestamps_ms=np.array([one["timestamp"] * 1000 for one in given], np.int64),
            values=np.array([one["value"] for one in given], np.float64),
            metadata={one["name"]: Metadata(type=MetricType(one["type"])) for one in given},
        )
    )
