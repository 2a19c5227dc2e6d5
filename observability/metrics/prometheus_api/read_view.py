"""What the views have in common that only read: no form is posted to them."""

from __future__ import annotations

from observability.access.permissions import requires
from observability.access.scopes import Scope
from observability.metrics.prometheus_api.view import PrometheusView


class ReadView(PrometheusView):
    """A view for GET alone."""

    permission_classes = [requires(read=Scope.METRICS_READ)]
