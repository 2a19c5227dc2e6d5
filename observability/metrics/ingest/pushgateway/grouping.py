"""The grouping labels of a push, which stand in its URL: `/metrics/job/<job>{/<label>/<value>}`.

Source: prometheus/pushgateway, README, "API".
"""

from __future__ import annotations

import base64
import binascii

from observability.metrics.errors import MalformedBodyError
from observability.metrics.naming import label_name_fault, label_value_fault

JOB = "job"
_BASE64 = "@base64"


class GroupingError(MalformedBodyError):
    """The URL of a push names no group."""


def grouping_labels(path: str, *, is_base64: bool) -> dict[str, str]:
    """Return the grouping labels, `job` among them; they may be empty.

    Args:
        path: What follows `/metrics/job/`: the job, then names and values by turns.
        is_base64: Whether the job is encoded, as after `/metrics/job@base64/`.

    Raises:
        GroupingError: A part is missing, badly encoded, or against the rules for labels.
    """
    job, *parts = path.split("/")
    if len(parts) % 2 and not parts[-1]:
        parts.pop()
    if len(parts) % 2:
        raise GroupingError(
            f"the label {parts[-1][:100]!r} has no value: /metrics/job/<job>{{/<label>/<value>}}"
        )
    labels = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        label = name.removesuffix(_BASE64)
        if fault := label_name_fault(label):
            raise GroupingError(fault)
        labels[label] = _decoded(value, label) if name.endswith(_BASE64) else value
    # A label of this name further on does not change the job, as in the Pushgateway.
    labels[JOB] = _decoded(job, JOB) if is_base64 else job
    if not labels[JOB]:
        raise GroupingError("the name of the job is missing: /metrics/job/<job>")
    for label, value in labels.items():
        if fault := label_value_fault(value):
            raise GroupingError(f"{label}: {fault}")
    return labels


def _decoded(text: str, label: str) -> str:
    """Return what stands in URL-safe base64, whose padding may be missing; `=` alone is nothing."""
    bare = text.rstrip("=")
    try:
        content = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
        return content.decode()
    except (binascii.Error, ValueError) as error:
        raise GroupingError(
            f"the value of {label} is not URL-safe base64 of UTF-8 text: {text[:100]!r}"
        ) from error
