"""Pages of other apps that start from an expression: they register here, metric pages link to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionLink:
    """A page that takes an expression.

    Attributes:
        title: What the operator reads.
        icon: A name of Google's Material Symbols.
        url_name: The page's URL by name.
        permission: Who sees it.
        parameter: The parameter that takes the expression.
        others: Parameters that go with it.
    """

    title: str
    icon: str
    url_name: str
    permission: str
    parameter: str
    others: Mapping[str, str] = field(default_factory=dict)


_links: dict[str, ExpressionLink] = {}


def register_link(link: ExpressionLink) -> None:
    """Offer a page wherever an expression is shown; a second link to the same URL replaces the first."""
    _links[link.url_name] = link


def links_for(request: HttpRequest, expr: str) -> list[dict[str, Any]]:
    """Return title, icon and address of the pages that its user may open with an expression."""
    return [
        {
            "title": link.title,
            "icon": link.icon,
            "url": f"{reverse(link.url_name)}?{urlencode({**link.others, link.parameter: expr})}",
        }
        for link in _links.values()
        if request.user.has_perm(link.permission)
    ]
