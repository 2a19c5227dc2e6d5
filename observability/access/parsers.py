"""Reading request bodies of the API, no larger than the portal is willing to hold in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import JSONParser


class LimitedJSONParser(JSONParser):
    """Read JSON, refusing with 413 a body above `DATA_UPLOAD_MAX_MEMORY_SIZE`.

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
        return super().parse(stream, media_type, parser_context)
