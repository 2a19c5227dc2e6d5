"""Pages of lists in the API: `{"results": [...], "next": "<url or null>"}`."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response


class CursorPages(CursorPagination):
    """Pages by a cursor: as fast on the thousandth page as on the first, and without a count."""

    ordering: tuple[str, ...] = ("-pk",)
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1_000

    def get_paginated_response(self, data: Any) -> Response:
        """Return one page and the address of the next."""
        return Response({"results": data, "next": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the shape of a page for OpenAPI."""
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {"type": "string", "format": "uri", "nullable": True},
            },
        }
