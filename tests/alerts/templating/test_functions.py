from __future__ import annotations

import pytest

from alerts.templating.kinds import MAP, STRING
from alerts.templating.signatures import Function
from alerts.templating.template import parse
from tests.alerts.templating.amtool_cases import FUNCTIONS
from tests.alerts.templating.notification import params, rendered


@pytest.mark.parametrize(("template", "expected"), params(FUNCTIONS))
def test_a_function_gives_what_it_gives_in_go(template: str, expected: str) -> None:
    assert rendered(template) == expected


def test_call_calls_a_function_of_the_data() -> None:
    data = {"greet": Function(lambda name: f"hello {name}", (STRING,))}

    assert parse('{{ call .greet "you" }}', "name").execute(data) == "hello you"


def test_nil_is_a_value_of_a_map_but_not_of_a_text() -> None:
    functions = {"size": Function(lambda mapping: len(mapping or ()), (MAP,))}

    assert parse("{{ size nil }}", "name", functions).execute(None, functions) == "0"
