"""Pages of lists in the API: `{"results": [...], "next": "<url or null>"}`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as FieldValidationError
from django.db.models import Field
from django.utils.timezone import is_naive
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class CursorPages(CursorPagination):
    """Pages by a cursor: as fast on the thousandth page as on the first, and without a count."""

    ordering: tuple[str, ...] = ("-pk",)
    page_size = 100
    page_size_query_param = "page_size"
    page_size_query_description = "Rows a page, 1 to 1,000; 100."
    max_page_size = 1_000

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """Return the rows of the page that the request asks for."""
        options = queryset.model._meta
        name = self.ordering[0].removeprefix("-")
        self._first_field: Field[Any, Any] = options.pk if name == "pk" else options.get_field(name)
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the place that the cursor names; one that no page has given out is refused."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                self._check_position(cursor.position)
        except (NotFound, FieldValidationError) as error:
            raise ValidationError({"cursor": "expected a cursor from `next`"}) from error
        return cursor

    def _check_position(self, position: Any) -> None:
        value = self._first_field.clean(position, None)
        if isinstance(value, datetime) and is_naive(value):
            raise FieldValidationError("a time without a zone")

    def get_page_size(self, request: Request) -> int:
        """Return how many rows the request asks for."""
        text = request.query_params.get(self.page_size_query_param, str(self.page_size))
        digits = len(str(self.max_page_size))
        if text.isdecimal() and len(text) <= digits and 1 <= int(text) <= self.max_page_size:
            return int(text)
        raise ValidationError(
            {
                self.page_size_query_param: "expected a whole number from 1 to"
                f" {self.max_page_size}; got {text[:100]!r}"
            }
        )

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
