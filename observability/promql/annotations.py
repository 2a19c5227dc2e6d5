"""Warnings and infos that a query collects beside its value."""


class Annotations:
    """Sentences on a query, each kept once, in the order they arose."""

    def __init__(self) -> None:
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    def warn(self, message: str) -> None:
        """Add a warning: the result may be wrong."""
        self._warnings[f"PromQL warning: {message}"] = None

    def inform(self, message: str) -> None:
        """Add an info: the query is probably not what was meant."""
        self._infos[f"PromQL info: {message}"] = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, as Prometheus's API words them."""
        return tuple(self._warnings)

    @property
    def infos(self) -> tuple[str, ...]:
        """The infos, as Prometheus's API words them."""
        return tuple(self._infos)
