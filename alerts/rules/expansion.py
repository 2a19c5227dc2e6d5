"""What fills in the templates of a rule's labels and annotations."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from alerts.rules.states import Expand
from alerts.templating.errors import LimitError, TemplateError
from alerts.templating.limits import Limits
from alerts.templating.prometheus import Query, expand, in_place

_EACH = Limits()


def expander(
    *,
    name: str,
    at_ms: int,
    query: Query,
    external_url: str,
    external_labels: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Expand:
    """Return what fills in templates; the text of an error stands where a result would, as in Prometheus.

    Args:
        name: The rule's name.
        at_ms: The time of the evaluation.
        query: Answers the queries of templates.
        external_url: Where the portal is reached.
        external_labels: Labels of the whole system.
        seconds: What all templates together may take from now on; as long as each may, unless given.
    """
    return partial(
        _expand,
        name=f"__alert_{name}",
        at_ms=at_ms,
        query=query,
        external_url=external_url,
        external_labels=external_labels or {},
        seconds=seconds,
        deadline=None if seconds is None else time.monotonic() + seconds,
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
    seconds: float | None,
    deadline: float | None,
) -> str:
    try:
        left = _EACH.seconds if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise LimitError(f"the templates of the rule take longer than {seconds:g} s together")
        return expand(
            text,
            name=name,
            labels=labels,
            value=value,
            external_labels=external_labels,
            external_url=external_url,
            at_ms=at_ms,
            query=query,
            limits=_EACH if left >= _EACH.seconds else replace(_EACH, seconds=left),
        )
    except TemplateError as error:
        return in_place(error)
