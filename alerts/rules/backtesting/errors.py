"""Why a backtest cannot be made."""

from __future__ import annotations


class BacktestError(Exception):
    """A backtest cannot be made as it was asked for; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
