"""What fills in the templates of a rule's labels and annotations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from alerts.rules.states import Expand
from alerts.templating.errors import TemplateError
from alerts.templating.prometheus import Query, expand, in_place


def expander(
    *,
    name: str,
    at_ms: int,
    query: Query,
    external_url: str,
    external_labels: Mapping[str, str] | None = None,
) -> Expand:
    """Return what fills in templates; the text of an error stands where a result would, as in Prometheus.

    Args:
        name: The rule's name.
        at_ms: The time of the evaluation.
        query: Answers the queries of templates.
        external_url: Where the portal is reached.
        external_labels: Labels of the whole system.
    """
    return partial(
        _expand,
        name=f"__alert_{name}",
        at_ms=at_ms,
        query=query,
        external_url=external_url,
        external_labels=external_labels or {},
    )


def _expand(
    text: str,
    *,
    labels: Mapping[str, str],
    value: float,
    name: str,
    at_ms: int,
    query: Query,
    external_url: str,
    external_labels: Mapping[str, str],
) -> str:
    try:
        return expand(
            text,
            name=name,
            labels=labels,
            value=value,
            external_labels=external_labels,
            external_url=external_url,
            at_ms=at_ms,
            query=query,
        )
    except TemplateError as error:
        return in_place(error)
