"""What the query page asks while one works on it: JSON for its own scripts, by the user's session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from observability.access.api_errors import error_response
from observability.metrics.links import links_for
from observability.metrics.query_page import completion, history
from observability.metrics.query_page.check import NamedMetric, Problem, check
from observability.metrics.query_page.models import PastQuery
from observability.promql.errors import PromQLError

JsonView = Callable[..., HttpResponse]


def _told_in_json(view: JsonView) -> JsonView:
    """Say in JSON, too, that a query is wrong or the database away."""

    @wraps(view)
    def told(request: HttpRequest, **parameters: Any) -> HttpResponse:
        try:
            return view(request, **parameters)
        except (PromQLError, history.TooManyStarsError) as error:
            return error_response(422, str(error))
        except (OperationalError, InterfaceError):
            return error_response(503, "the database is not available at the moment")

    return told


@require_GET
@_told_in_json
def completions(request: HttpRequest, kind: str) -> HttpResponse:
    """Answer what may stand where the user types."""
    asked = request.GET
    typed, selector = asked.get("typed", ""), asked.get("selector", "")
    match kind:
        case "metrics":
            suggestions = completion.suggest_metrics(typed)
        case "label-names":
            suggestions = completion.suggest_label_names(selector, typed)
        case _:
            suggestions = completion.suggest_label_values(asked.get("label", ""), selector, typed)
    found = [
        {"text": each.text, "type": each.type, "help": each.help} for each in suggestions.found
    ]
    return JsonResponse({"found": found, "are_all": suggestions.are_all})


@require_POST
@_told_in_json
def checked(request: HttpRequest) -> HttpResponse:
    """Answer what is wrong with an expression, or what it is about and where one can take it."""
    expr = request.POST.get("expr", "")
    result = check(expr)
    if isinstance(result, Problem):
        place = result.span._asdict()
        return JsonResponse({"problem": {"message": result.message, **place}})
    return JsonResponse(
        {
            "problem": None,
            "type": result.type,
            "metrics": [_named_metric(named) for named in result.metrics],
            "links": links_for(request, expr),
        }
    )


def _named_metric(named: NamedMetric) -> dict[str, Any]:
    known: dict[str, Any] = {"name": named.name, "is_known": named.metric is not None}
    if named.metric is not None:
        known |= {
            "type": named.metric.type,
            "help": named.metric.help,
            "series": named.metric.series_count,
            "url": reverse("admin:metrics_metric_change", args=[named.metric.pk]),
        }
    return known | named.span._asdict()


@require_http_methods(["GET", "POST", "DELETE"])
@_told_in_json
def past_queries(request: HttpRequest) -> HttpResponse:
    """List what the user has run, record a run, or forget all that has no star."""
    # The page is for who has signed in.
    user_id = cast(int, request.user.pk)
    match request.method:
        case "POST":
            for expr in request.POST.getlist("expr")[:10]:
                history.record(user_id, expr)
            return HttpResponse(status=204)
        case "DELETE":
            return JsonResponse({"forgotten": history.forget_unstarred(user_id)})
        case _:
            found = history.find(
                user_id,
                contains=request.GET.get("contains", ""),
                starred=request.GET.get("starred") == "1",
            )
            return JsonResponse({"found": [_past_query(past) for past in found]})


def _past_query(past: PastQuery) -> dict[str, Any]:
    return {
        "id": past.pk,
        "expr": past.expr,
        "is_starred": past.is_starred,
        "runs": past.runs,
        "run_at": past.run_at.isoformat(),
    }


@require_http_methods(["POST", "DELETE"])
@_told_in_json
def past_query(request: HttpRequest, pk: int) -> HttpResponse:
    """Give one of the user's past queries a star or take it away (`is_starred`), or forget it."""
    past = get_object_or_404(PastQuery, pk=pk, user_id=request.user.pk)
    if request.method == "DELETE":
        past.delete()
    else:
        history.star(past, is_starred=request.POST.get("is_starred") == "1")
    return HttpResponse(status=204)
