"""`/api/v1/admin/tsdb/delete_series`: series deleted.

Source: prometheus.io/docs/prometheus/latest/querying/api/#delete-series.
"""

from __future__ import annotations

import time

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.deletion_api import name_of
from observability.metrics.models import Deletion, DeletionPhase, DeletionState
from observability.metrics.prometheus_api.view import (
    BadParameterError,
    PrometheusView,
    prometheus_error,
)
from observability.metrics.store import deletion
from observability.metrics.wakeups import wake_deletions
from observability.promql.errors import PromQLError

# Less than proxies usually wait; the client may ask again.
_SECONDS_TO_WAIT = 25.0
_SECONDS_BETWEEN_LOOKS = 0.1


class DeleteSeriesView(PrometheusView):
    """Delete series, or their samples of a range of time."""

    permission_classes = [requires(write=Scope.ADMIN)]

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponse:
        """Answer once readers do not find them any more; 503 when that takes long."""
        selectors = request.POST.getlist("match[]") or request.query_params.getlist("match[]")
        if not selectors:
            return prometheus_error("bad_data", "no match[] parameter provided", 400)
        for text in selectors:
            try:
                deletion.read_selector(text)
            except PromQLError as error:
                raise BadParameterError("match[]", str(error)) from error
        start_ms = self._bound_ms(request, "start")
        end_ms = self._bound_ms(request, "end")
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            raise BadParameterError("end", "end timestamp must not be before start time")
        wish = self._wish(request, selectors, start_ms, end_ms)
        return self._answer(wish)

    put = post

    def _bound_ms(self, request: Request, name: str) -> int | None:
        return self.time_ms(request, name) if self.parameter(request, name) else None

    def _wish(
        self, request: Request, selectors: list[str], start_ms: int | None, end_ms: int | None
    ) -> Deletion:
        """Return a new deletion, or the same one that is at work already: who got 503 asks again."""
        same = Deletion.objects.filter(
            selectors=selectors,
            start_ms=start_ms,
            end_ms=end_ms,
            requested_by=name_of(request),
            state__in=deletion.UNFINISHED,
        ).first()
        wish = same or deletion.request(
            selectors, start_ms=start_ms, end_ms=end_ms, requested_by=name_of(request)
        )
        wake_deletions()
        return wish

    def _answer(self, wish: Deletion) -> HttpResponse:
        deadline = time.monotonic() + _SECONDS_TO_WAIT
        while not deletion.is_out_of_sight(wish):
            # Taking series out of the catalogue is quick; rewriting segments is for the workers.
            is_quick = wish.is_whole and wish.phase == DeletionPhase.FINDING
            if not (is_quick and deletion.advance(wish.pk)):
                time.sleep(_SECONDS_BETWEEN_LOOKS)
            wish.refresh_from_db()
            if wish.state == DeletionState.FAILED:
                return prometheus_error("internal", f"deletion {wish.pk} failed: {wish.error}", 500)
            if time.monotonic() > deadline:
                response = prometheus_error(
                    "unavailable", f"deletion {wish.pk} is at work; ask again to wait for it", 503
                )
                response["Retry-After"] = "5"
                return response
        return HttpResponse(status=204)
