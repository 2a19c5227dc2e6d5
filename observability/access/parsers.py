"""Reading request bodies of the API, no larger than the portal is willing to hold in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_LEVELS = 64
"""How deep lists and objects may stand in each other; Python reads and writes about 1,000 levels."""

_TOO_DEEP = f"lists and objects stand in each other more than {MAX_LEVELS} levels deep"


class LimitedJSONParser(JSONParser):
    """Read JSON, refusing with 413 a body above `DATA_UPLOAD_MAX_MEMORY_SIZE` and with 400 one too deep.

    DRF's own parser reads the stream past Django, and so past Django's limit.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what the JSON says."""
        request = (parser_context or {})["request"]
        # The server hands on no more than this header announces.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            value = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_TOO_DEEP) from None
        if _is_too_deep(value):
            raise ParseError(_TOO_DEEP)
        return value


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_LEVELS + 1):
        level = [inner for outer in level for inner in _parts(outer)]
    return bool(level)


def _parts(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()
