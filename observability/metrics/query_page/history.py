"""What a user has run before: recorded, found again, starred, forgotten."""

from __future__ import annotations

from hashlib import blake2b

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from observability.metrics.query_page.models import PastQuery

KEPT = 300
"""Expressions that are kept for a user; the oldest without a star give way."""
MAX_STARRED = 100
MAX_SHOWN = 100
LONGEST_EXPR = 20_000
"""Characters; a longer expression runs, but is not kept."""


class TooManyStarsError(Exception):
    """A user has starred as many expressions as are kept."""

    def __init__(self) -> None:
        super().__init__(f"{MAX_STARRED} expressions can be starred; take the star from another")


@transaction.atomic
def record(user_id: int, expr: str) -> None:
    """Make an expression the latest that a user has run."""
    expr = expr.strip()
    if not expr or len(expr) > LONGEST_EXPR:
        return
    digest = blake2b(expr.encode(errors="surrogatepass"), digest_size=16).digest()
    same = PastQuery.objects.filter(user_id=user_id, digest=digest)
    if not same.update(run_at=Now(), runs=F("runs") + 1):
        PastQuery.objects.bulk_create(
            [PastQuery(user_id=user_id, expr=expr, digest=digest)], ignore_conflicts=True
        )
        kept = PastQuery.objects.of(user_id).filter(is_starred=False).values("pk")[:KEPT]
        PastQuery.objects.filter(user_id=user_id, is_starred=False).exclude(pk__in=kept).delete()


def find(user_id: int, *, contains: str = "", starred: bool = False) -> list[PastQuery]:
    """Return a user's expressions with `contains` in them, the latest first, `MAX_SHOWN` at most."""
    found = PastQuery.objects.of(user_id).filter(expr__icontains=contains.strip())
    return list((found.filter(is_starred=True) if starred else found)[:MAX_SHOWN])


@transaction.atomic
def star(past: PastQuery, *, is_starred: bool) -> None:
    """Give an expression a star, which keeps it, or take it away.

    Raises:
        TooManyStarsError: The user has as many already.
    """
    if is_starred and not past.is_starred:
        count = PastQuery.objects.filter(user_id=past.user_id, is_starred=True).count()
        if count >= MAX_STARRED:
            raise TooManyStarsError
    PastQuery.objects.filter(pk=past.pk).update(is_starred=is_starred)


def forget_unstarred(user_id: int) -> int:
    """Delete what a user has run without starring it; return how many expressions that were."""
    return PastQuery.objects.filter(user_id=user_id, is_starred=False).delete()[0]
