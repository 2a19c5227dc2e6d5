from observability.promql import Engine, parse

from .queries import ask, storage_of


def test_a_warning_names_its_place_by_line_and_byte() -> None:
    result = ask("x{i='é'} or\n x{i='é'} or quantile(2, x)", {"x": "1"})

    assert result.warnings == (
        "PromQL warning: quantile value should be between 0 and 1, got 2 (2:24)",
    )


def test_a_query_without_a_text_has_warnings_without_places() -> None:
    result = Engine().query(parse("quantile(2, x)"), at_ms=0, storage=storage_of({"x": "1"}))

    assert result.warnings == ("PromQL warning: quantile value should be between 0 and 1, got 2",)


def test_the_same_warning_is_given_once() -> None:
    result = ask("quantile(2, x) + quantile(2, x)", {"x": "1"})

    assert len(result.warnings) == 1
