"""The OpenAPI description of rules and alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return yaml.safe_load(file.read_text())


def test_every_endpoint_of_rules_is_described_with_its_methods(schema: Any) -> None:
    described = {
        path: sorted(methods)
        for path, methods in schema["paths"].items()
        if path.startswith(("/api/alert-rules", "/api/rule-groups"))
    }

    assert (
        described.items()
        >= {
            "/api/alert-rules/": ["get", "post"],
            "/api/alert-rules/{id}/": ["delete", "get", "patch", "put"],
            "/api/alert-rules/{id}/history/": ["get"],
            "/api/alert-rules/{id}/revert/": ["post"],
            "/api/alert-rules/evaluate/": ["post"],
            "/api/alert-rules/preview/": ["post"],
            "/api/rule-groups/": ["get", "post"],
            "/api/rule-groups/{id}/": ["delete", "get", "patch", "put"],
            "/api/rule-groups/{id}/order/": ["put"],
            "/api/rule-groups/{id}/history/": ["get"],
            "/api/rule-groups/{id}/revert/": ["post"],
        }.items()
    )


def test_rules_are_described_by_examples(schema: Any) -> None:
    body = schema["paths"]["/api/alert-rules/"]["post"]["requestBody"]["content"]

    examples = [example["summary"] for example in body["application/json"]["examples"].values()]

    assert examples == ["A rule in the simple form", "A rule in PromQL", "A recording rule"]
