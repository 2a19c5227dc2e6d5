"""How the targets of a job are asked and what their answers are held to, as plain values."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from observability.metrics.scraping.models import Authentication, ScrapeJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an answer must keep to; 0 is no limit.

    Attributes:
        samples: After metric relabeling.
        labels: Of a series, its name included.
        label_name_length: In bytes.
        label_value_length: In bytes.
    """

    samples: int = 0
    labels: int = 0
    label_name_length: int = 0
    label_value_length: int = 0

    @property
    def are_on_labels(self) -> bool:
        """Say whether labels must be looked at."""
        return bool(self.labels or self.label_name_length or self.label_value_length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a job says about the scrapes of its targets.

    Attributes:
        authorization: The header's value, '' for none.
        verify_tls: Whether certificates are checked.
        max_body_bytes: For the unpacked answer.
        honor_labels: Whether a sample's own label wins over the target's.
        honor_timestamps: Whether the target's own times are used.
        limits: For the samples.
        metric_rules: Metric relabeling, as the job keeps it.
    """

    authorization: str = field(default="", repr=False)
    verify_tls: bool = True
    max_body_bytes: int
    honor_labels: bool = False
    honor_timestamps: bool = True
    limits: Limits = Limits()
    metric_rules: Sequence[Mapping[str, Any]] = ()


def terms_of(job: ScrapeJob) -> Terms:
    """Return a job's terms."""
    return Terms(
        authorization=_authorization(job),
        verify_tls=job.verify_tls,
        max_body_bytes=job.body_size_limit,
        honor_labels=job.honor_labels,
        honor_timestamps=job.honor_timestamps,
        limits=Limits(
            samples=job.sample_limit,
            labels=job.label_limit,
            label_name_length=job.label_name_length_limit,
            label_value_length=job.label_value_length_limit,
        ),
        metric_rules=job.metric_relabel_rules,
    )


def _authorization(job: ScrapeJob) -> str:
    match job.authentication:
        case Authentication.BASIC:
            pair = f"{job.username}:{job.password}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        case Authentication.BEARER:
            return f"Bearer {job.bearer_token}"
        case _:
            return ""
