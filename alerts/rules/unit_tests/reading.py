"""Test files to definitions, with the names that promtool's messages have for their types."""

from __future__ import annotations

from alerts.rules.unit_tests.definitions import (
    AlertLabels,
    AlertTest,
    ExpectedSample,
    ExpressionTest,
    InputSeries,
    TestFile,
    TestGroup,
)
from alerts.strict_yaml import Decoder, Node, read_document
from observability.metrics.parameters import parse_timestamp_ms

_DEFAULT_INTERVAL_MS = 60_000


def read_tests(text: str, *, ignore_unknown_fields: bool = False) -> TestFile:
    """Return what the text of a test file says.

    Raises:
        YamlError: It is not YAML, or has fields that are unknown or of a wrong type.
    """
    decoder = Decoder(ignore_unknown_fields=ignore_unknown_fields)
    with decoder.fields(read_document(text), "main.unitTestFile") as fields:
        interval_ms = fields.duration_ms("evaluation_interval") or _DEFAULT_INTERVAL_MS
        test_file = TestFile(
            rule_files=fields.texts("rule_files"),
            evaluation_interval_ms=interval_ms,
            group_order=fields.texts("group_eval_order"),
            fuzzy_compare=fields.boolean("fuzzy_compare"),
            groups=[
                _test_group(node, decoder, interval_ms)
                for node in fields.items("tests", "main.testGroup")
            ],
        )
    decoder.check()
    return test_file


def _test_group(node: Node, decoder: Decoder, interval_ms: int) -> TestGroup:
    with decoder.fields(node, "main.testGroup") as fields:
        return TestGroup(
            name=fields.text("name"),
            interval_ms=fields.duration_ms("interval") or interval_ms,
            input_series=[
                _input_series(item, decoder) for item in fields.items("input_series", "main.series")
            ],
            alert_tests=[
                _alert_test(item, decoder)
                for item in fields.items("alert_rule_test", "main.alertTestCase")
            ],
            expression_tests=[
                _expression_test(item, decoder)
                for item in fields.items("promql_expr_test", "main.promqlTestCase")
            ],
            external_labels=fields.texts_by_name("external_labels"),
            external_url=fields.text("external_url"),
            start_ms=fields.parsed("start_timestamp", parse_timestamp_ms) or 0,
        )


def _input_series(node: Node, decoder: Decoder) -> InputSeries:
    with decoder.fields(node, "main.series") as fields:
        return InputSeries(fields.text("series"), fields.text("values"))


def _alert_test(node: Node, decoder: Decoder) -> AlertTest:
    with decoder.fields(node, "main.alertTestCase") as fields:
        return AlertTest(
            eval_time_ms=fields.duration_ms("eval_time") or 0,
            alertname=fields.text("alertname"),
            expected=[_alert(item, decoder) for item in fields.items("exp_alerts", "main.alert")],
        )


def _alert(node: Node, decoder: Decoder) -> AlertLabels:
    with decoder.fields(node, "main.alert") as fields:
        return AlertLabels(
            fields.texts_by_name("exp_labels"), fields.texts_by_name("exp_annotations")
        )


def _expression_test(node: Node, decoder: Decoder) -> ExpressionTest:
    with decoder.fields(node, "main.promqlTestCase") as fields:
        return ExpressionTest(
            expr=fields.text("expr"),
            eval_time_ms=fields.duration_ms("eval_time") or 0,
            expected=[
                _sample(item, decoder) for item in fields.items("exp_samples", "main.sample")
            ],
        )


def _sample(node: Node, decoder: Decoder) -> ExpectedSample:
    with decoder.fields(node, "main.sample") as fields:
        return ExpectedSample(
            labels=fields.text("labels"),
            value=fields.number("value"),
            histogram=fields.text("histogram"),
        )
