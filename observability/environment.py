"""Typed readers of environment variables; the only place that knows how a setting is spelled.

Every reader fails with `InvalidSettingError`, which names the variable, the value it got
(never that of a secret) and what is allowed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

DATABASE_SCHEMES = ("postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")

Network = IPv4Network | IPv6Network


class InvalidSettingError(Exception):
    """A setting is missing or has a value that is not allowed; the text is one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where e-mail goes: an SMTP server and how to talk to it."""

    host: str
    port: int
    username: str
    password: str
    use_starttls: bool
    use_tls: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings that an operator gives as environment variables."""

    values: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def text(self, name: str, default: str = "") -> str:
        """Return the value as it stands, without surrounding blanks."""
        return self.values.get(name, "").strip() or default

    def secret(self, name: str) -> str:
        """Return the value of `NAME`, or the content of the file that `NAME_FILE` names; '' if neither."""
        path = self.text(f"{name}_FILE")
        if self.text(name) and path:
            raise InvalidSettingError(f"{name} and {name}_FILE are both set; keep one of them")
        if not path:
            return self.text(name)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidSettingError(
                f"{name}_FILE: cannot read {path}: {error.strerror}"
            ) from error

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return 1/true/yes/on as True, 0/false/no/off as False."""
        value = self.text(name).lower()
        if name not in self.values or value == "":
            return default
        if value in TRUE:
            return True
        if value in FALSE:
            return False
        raise InvalidSettingError(
            f"{name} must be one of 1, 0, true, false, yes, no, on, off; got {value!r}"
        )

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """Return a whole number within the bounds, both included."""
        value = self.text(name)
        if not value:
            return default
        try:
            number = int(value)
        except ValueError:
            number = minimum - 1
        if not minimum <= number <= maximum:
            raise InvalidSettingError(
                f"{name} must be a whole number from {minimum} to {maximum}; got {value!r}"
            )
        return number

    def number(self, name: str, default: float, *, minimum: float, maximum: float) -> float:
        """Return a number within the bounds, both included."""
        value = self.text(name)
        if not value:
            return default
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not minimum <= number <= maximum:
            raise InvalidSettingError(
                f"{name} must be a number from {minimum} to {maximum}; got {value!r}"
            )
        return number

    def duration_ms(self, name: str, default: str) -> int:
        """Return a duration of one unit, such as `90m` or `30d`, in milliseconds."""
        value = self.text(name, default)
        number, unit = value[:-1], value[-1]
        if value == "0":
            return 0
        if unit not in _UNITS_MS or not number.isdecimal() or len(number) > 6:
            raise InvalidSettingError(
                f"{name} must be a duration such as 30s, 90m, 12h or 7d, or 0; got {value!r}"
            )
        return int(number) * _UNITS_MS[unit]

    def path(self, name: str, default: Path) -> Path:
        """Return an absolute path."""
        return Path(self.text(name) or default).expanduser().resolve()

    def words(self, name: str, default: str = "") -> list[str]:
        """Return the parts of a comma-separated list."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def networks(self, name: str, default: str) -> list[Network]:
        """Return IP networks from a comma-separated list of addresses and CIDR ranges."""
        networks: list[Network] = []
        for word in self.words(name, default):
            try:
                networks.append(ip_network(word, strict=False))
            except ValueError as error:
                raise InvalidSettingError(
                    f"{name} must hold IP addresses or CIDR ranges divided by commas; got {word!r}"
                ) from error
        return networks

    def url(self, name: str, default: str, *, schemes: tuple[str, ...]) -> str:
        """Return a URL of one of the schemes, without a slash at its end."""
        value = self.text(name, default)
        if not value:
            return ""
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.netloc:
            raise InvalidSettingError(
                f"{name} must be a URL of the kind {' or '.join(s + '://...' for s in schemes)}; got {value!r}"
            )
        return value.rstrip("/")

    def server_url(self, name: str, *, schemes: tuple[str, ...]) -> str:
        """Return the URL of a server, which may hold a password and is never shown; '' when unset."""
        value = self.secret(name)
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            has_port = parts.port != 0
        except ValueError:  # a port that is no number, a bracket that is not closed
            has_port = False
        if not has_port or parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise InvalidSettingError(
                f"{name} must be a URL of the kind {' or '.join(s + '://...' for s in schemes)}"
            )
        return value

    def time_zone(self, name: str, default: str) -> str:
        """Return the name of a time zone that this machine knows."""
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ValueError, LookupError, OSError) as error:
            raise InvalidSettingError(
                f"{name} must be a time zone such as Europe/Berlin; got {value!r}"
            ) from error
        return value

    def mail_server(self, name: str = "EMAIL_URL") -> MailServer | None:
        """Return the SMTP server that a URL names, or None when the variable is empty.

        `smtp://user:password@host:25` is plain, `smtp+starttls://host:587` upgrades to TLS,
        `smtps://host:465` speaks TLS from the start.
        """
        value = self.secret(name)
        if not value:
            return None
        allowed = "smtp://, smtp+starttls:// or smtps://[user:password@]host[:port]"
        ports = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
        parts = urlsplit(value)
        try:
            port = parts.port or ports.get(parts.scheme, 0)
        except ValueError:
            port = 0
        if parts.scheme not in ports or not parts.hostname or not port:
            raise InvalidSettingError(f"{name} must be {allowed}")
        return MailServer(
            host=parts.hostname,
            port=port,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            use_starttls=parts.scheme == "smtp+starttls",
            use_tls=parts.scheme == "smtps",
        )
