"""What can go wrong with access: keys that are refused, secrets that cannot be read, calls that may not go out."""

from __future__ import annotations

from typing import ClassVar


class AccessError(Exception):
    """The base of all errors of this package."""


class KeyRefusedError(AccessError):
    """An API key opens nothing; `code` says why in one word for programs."""

    code: ClassVar[str] = "key_refused"


class UnknownKeyError(KeyRefusedError):
    """The key was never made here, or has been deleted."""

    code = "key_unknown"


class RevokedKeyError(KeyRefusedError):
    """The key has been revoked."""

    code = "key_revoked"


class ExpiredKeyError(KeyRefusedError):
    """The key's last day is over."""

    code = "key_expired"


class MalformedCredentialsError(KeyRefusedError):
    """The `Authorization` header does not hold what its scheme promises."""

    code = "credentials_malformed"


class UnsuitableKeyError(AccessError):
    """A key that an operator chose cannot be used: too short, or in the form of another credential."""


class UnreadableSecretError(AccessError):
    """A stored secret was encrypted with a key that `ENCRYPTION_KEY` no longer holds."""


class OutgoingError(AccessError):
    """An outgoing HTTP call did not bring an answer; `is_permanent` says that a retry cannot help.

    The text names scheme and host only: the rest of an address may be a secret (Slack's webhooks).
    """

    is_permanent: ClassVar[bool]


class OutgoingRefusedError(OutgoingError):
    """The call goes against the rules, wherever it is tried: its address, a redirect, the size of the answer."""

    is_permanent = True


class OutgoingFailedError(OutgoingError):
    """The network or the other side failed; the same call may work later."""

    is_permanent = False
