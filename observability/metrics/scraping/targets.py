"""From what discovery finds to what is scraped: addresses, labels and relabeling.

Source: Prometheus 3, scrape/target.go (`PopulateLabels`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from observability.metrics.naming import label_value_fault
from observability.metrics.scraping.errors import TargetError
from observability.metrics.scraping.models import MIN_INTERVAL_MS, Scheme, ScrapeJob
from observability.metrics.scraping.relabeling import Rule, read_rules, relabel
from observability.promql.durations import format_duration, parse_duration_ms

ADDRESS = "__address__"
_SCHEME = "__scheme__"
_PATH = "__metrics_path__"
_INTERVAL = "__scrape_interval__"
_TIMEOUT = "__scrape_timeout__"
_PARAM = "__param_"
_FORBIDDEN_IN_ADDRESSES = frozenset("/?#@ \t\r\n\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """Addresses that were found together, with the labels that they share."""

    addresses: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something to scrape.

    Attributes:
        discovered_labels: As it was found, before relabeling.
        labels: Those of its series, `job` and `instance` among them.
        url: Where its metrics are.
        interval_ms: From one scrape to the next.
        timeout_ms: How long a scrape may take.
    """

    discovered_labels: Mapping[str, str]
    labels: Mapping[str, str]
    url: str
    interval_ms: int
    timeout_ms: int

    @property
    def fingerprint(self) -> bytes:
        """Return a 128-bit hash of labels and URL."""
        parts = [text for pair in sorted(self.labels.items()) for text in pair]
        return hashlib.blake2b(
            b"\xff".join(text.encode() for text in (self.url, *parts)), digest_size=16
        ).digest()


@dataclass(slots=True, kw_only=True)
class FoundTargets:
    """What became of all that was found for a job.

    Attributes:
        targets: What is to be scraped, each once.
        dropped: The labels of what the rules drop.
        faulty: The labels of what cannot be scraped, and why.
    """

    targets: list[Target] = field(default_factory=list)
    dropped: list[Mapping[str, str]] = field(default_factory=list)
    faulty: list[tuple[Mapping[str, str], str]] = field(default_factory=list)


def find_targets(job: ScrapeJob, groups: Sequence[TargetGroup]) -> FoundTargets:
    """Return the targets that a job makes of what was found; raises `RelabelError` for wrong rules."""
    rules = read_rules(job.relabel_rules)
    found = FoundTargets()
    seen: set[bytes] = set()
    for group in groups:
        for address in group.addresses:
            labels = discovered_labels(job, group, address)
            try:
                target = make_target(job, labels, rules)
            except TargetError as error:
                found.faulty.append((labels, str(error)))
                continue
            if target is None:
                found.dropped.append(labels)
            elif target.fingerprint not in seen:
                seen.add(target.fingerprint)
                found.targets.append(target)
    return found


def discovered_labels(job: ScrapeJob, group: TargetGroup, address: str) -> dict[str, str]:
    """Return the labels on which the relabeling rules work."""
    defaults = {
        "job": job.name,
        _SCHEME: job.scheme,
        _PATH: job.metrics_path,
        _INTERVAL: format_duration(job.interval_ms),
        _TIMEOUT: format_duration(job.timeout_ms),
        **{f"{_PARAM}{name}": values[0] for name, values in job.params.items() if values},
    }
    own = {**job.labels, **group.labels, ADDRESS: address}
    return {name: value for name, value in {**defaults, **own}.items() if value}


def make_target(job: ScrapeJob, labels: Mapping[str, str], rules: Sequence[Rule]) -> Target | None:
    """Return what is to be scraped; None when the rules drop it.

    Raises:
        TargetError: The labels make no address, or are against the store's rules.
    """
    changed = relabel(labels, rules)
    if changed is None:
        return None
    interval_ms = _duration(changed, _INTERVAL, job.interval_ms)
    timeout_ms = _duration(changed, _TIMEOUT, job.timeout_ms)
    if interval_ms < MIN_INTERVAL_MS:
        raise TargetError(f"{_INTERVAL} is shorter than {format_duration(MIN_INTERVAL_MS)}")
    if not 0 < timeout_ms <= interval_ms:
        raise TargetError(f"{_TIMEOUT} must be longer than 0 and not longer than the interval")
    public = {name: value for name, value in changed.items() if not name.startswith("__")}
    public.setdefault("instance", changed.get(ADDRESS, ""))
    for name, value in public.items():
        if fault := label_value_fault(value):
            raise TargetError(f"{name}: {fault}")
    return Target(
        discovered_labels=dict(labels),
        labels=public,
        url=_url(job, changed),
        interval_ms=interval_ms,
        timeout_ms=timeout_ms,
    )


def _url(job: ScrapeJob, labels: Mapping[str, str]) -> str:
    address = labels.get(ADDRESS, "")
    if not address:
        raise TargetError("no address")
    if _FORBIDDEN_IN_ADDRESSES & set(address) or not _is_host(address):
        raise TargetError(f"{address[:200]!r} is not an address; expected host or host:port")
    scheme = labels.get(_SCHEME, Scheme.HTTP)
    if scheme not in Scheme.values:
        raise TargetError(f"{_SCHEME} is {scheme[:20]!r}; expected http or https")
    path = labels.get(_PATH, "/metrics")
    params = {name: list(values) for name, values in job.params.items()}
    for name, value in labels.items():
        if name.startswith(_PARAM):
            key = name.removeprefix(_PARAM)
            params[key] = [value, *params.get(key, [])[1:]]
    query = urlencode(sorted(params.items()), doseq=True)
    url = f"{scheme}://{address}{path if path.startswith('/') else f'/{path}'}"
    return f"{url}{'&' if '?' in path else '?'}{query}" if query else url


def _is_host(address: str) -> bool:
    try:
        parts = urlsplit(f"http://{address}")
        return bool(parts.hostname) and parts.netloc == address and parts.port != 0
    except ValueError:
        return False


def _duration(labels: Mapping[str, str], name: str, default_ms: int) -> int:
    try:
        return parse_duration_ms(labels[name]) if name in labels else default_ms
    except ValueError as error:
        raise TargetError(f"{name}: {error}") from error
