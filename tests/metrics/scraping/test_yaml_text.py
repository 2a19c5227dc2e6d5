from __future__ import annotations

import pytest

from observability.metrics.scraping.yaml_text import YamlError, load_yaml


def test_anchors_and_aliases_are_understood() -> None:
    assert load_yaml("[&one {a: 1}, *one]") == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: [", id="cut off"),
        pytest.param("!!python/object/apply:os.getcwd []", id="code"),
        pytest.param("[" * 10_000, id="nested deeply"),
        pytest.param("&a [*a]", id="itself inside"),
        pytest.param(
            "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
            id="aliases of aliases",
        ),
    ],
)  # fmt: skip
def test_what_is_no_plain_yaml_or_means_too_much_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        load_yaml(text)
