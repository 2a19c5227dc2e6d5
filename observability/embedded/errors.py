"""What can go wrong around the embedded servers; every message is one line for an operator."""

from observability.environment import InvalidSettingError


class EmbeddedError(Exception):
    """The portal cannot be started or reached as things are; the message says what to do."""


class NotPreparedError(EmbeddedError, InvalidSettingError):
    """The data folder holds no embedded servers yet, and no URL of outside ones was given."""
