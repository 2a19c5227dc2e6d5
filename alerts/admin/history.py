"""The history of rules and groups: who changed what, what it was before, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from alerts.admin.authorship import author_of
from alerts.admin.pagination import BoundedPaginator
from alerts.models import RevisionAction, RevisionSubject, Rule, RuleGroup, RuleRevision
from alerts.rules.definition_text import readable, yaml_of
from alerts.rules.differences import Part, different_lines, different_words
from alerts.rules.errors import RuleError
from alerts.rules.history import field_changes, of_group, of_rule, revisions
from alerts.rules.reverting import current_of, fault_of, revert
from alerts.rules.revisions import definition_of
from observability.access.pages import render_page
from observability.access.shown import Tone, ago, badge

_TONES: dict[str, Tone] = {
    RevisionAction.CREATED: "good",
    RevisionAction.CHANGED: "neutral",
    RevisionAction.DELETED: "bad",
}
_REVISIONS_ON_A_PAGE = 20
_FIELDS_NAMED = 4
_EXPR_SHOWN = 72
_HEADS = {"labels": "label", "annotations": "annotation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChange:
    """A field that was changed, side by side.

    Attributes:
        title: What the field is called.
        before: What it said, with the words marked that are gone; '' when it was empty.
        after: What it says, with the words marked that are new.
    """

    title: str
    before: SafeString
    after: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRevision:
    """An entry of a history.

    Attributes:
        row: The revision.
        action: What was done, on its colour.
        when: How long ago.
        changes: What it changed.
        yaml: What it made, of one that has nothing before it; '' of others.
        is_of_rule: Whether it is one of a group's rules that was changed.
        is_newest: Whether nothing has come after it, so that there is nothing to go back from.
    """

    row: RuleRevision
    action: SafeString
    when: SafeString
    changes: list[ShownChange]
    yaml: str
    is_of_rule: bool
    is_newest: bool


class KeepsHistory:
    """An admin of rules or groups, whose page of history is made of their revisions."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show who changed what, newest first, also of one that is deleted."""
        model: type[Rule | RuleGroup] = self.model  # type: ignore[attr-defined] # an admin's
        if not self.has_view_or_change_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if not (object_id.isdecimal() and len(object_id) <= 18):
            raise Http404
        number = int(object_id)
        subject = RevisionSubject.RULE if model is Rule else RevisionSubject.GROUP
        found = of_rule(number) if model is Rule else of_group(number)
        row = model._default_manager.filter(pk=number).first()
        page = BoundedPaginator(found, _REVISIONS_ON_A_PAGE).get_page(request.GET.get("page"))
        if row is None and not page.object_list:
            raise Http404
        name = row.name if row is not None else page.object_list[0].name
        return render_page(
            request,
            "alerts/history.html",
            title=f"History of {name}",
            context={
                "row": row,
                "subject": subject.label.lower(),
                "page": page,
                "entries": _shown(page, subject, number),
                "can_revert": _may_revert(request, subject, is_deleted=row is None),
                "opts": model._meta,
                **(extra_context or {}),
            },
        )


@admin.register(RuleRevision)
class RevisionAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """All changes of all rules and groups; nobody changes them."""

    list_display = ("shown_name", "shown_action", "shown_fields", "by", "via", "shown_at")
    list_display_links = ("shown_name",)
    list_filter = ("subject", "action")
    list_per_page = 50
    search_fields = ("name", "by", "via")
    search_help_text = "Search by name, by who, and by which door"
    paginator = BoundedPaginator
    show_full_result_count = False
    empty_title = "Nothing was changed yet"
    empty_hint = "Every change of a rule or a rule group is listed here with who made it, and can be taken back."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RuleRevision]:
        return revisions()

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        view = self.admin_site.admin_view(self.revert_view)
        return [path("<int:pk>/revert/", view, name="alerts_rulerevision_revert"), *urls]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one revision beside the one before it, or beside what there is now."""
        revision: RuleRevision | None = self.get_object(request, object_id)
        if request.method == "POST" or not self.has_view_permission(request, revision):
            raise PermissionDenied
        if revision is None:
            raise Http404
        current = current_of(revision)
        is_with_now = request.GET.get("with") == "now" and current is not None
        before: Mapping[str, Any] | None = getattr(revision, "before", None)
        old, new = before or {}, revision.definition
        changes = _changes(revision)
        if is_with_now and current is not None:
            old, new = revision.definition, definition_of(current)
            changes = shown_changes(old, new)
        return self._page(
            request,
            "alerts/revision.html",
            f"{revision.name}, revision {revision.pk}",
            {
                "revision": revision,
                "current": current,
                "action": _action(revision),
                "when": ago(revision.at),
                "is_with_now": is_with_now,
                "changes": changes,
                "lines": _shown_lines(yaml_of(old), yaml_of(new)) if changes else "",
                "yaml": yaml_of(revision.definition),
                "fault": fault_of(revision, current),
                "can_revert": _may_revert(request, revision.subject, is_deleted=current is None),
                "history_url": _history_url(revision),
                "older": _neighbour(revision, "pk__lt", "-pk"),
                "newer": _neighbour(revision, "pk__gt", "pk"),
            },
        )

    def revert_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask whether a rule or a group is to be what it was, and make it so."""
        if not request.user.has_perm("alerts.change_rule"):
            raise PermissionDenied
        revision = RuleRevision.objects.filter(pk=pk).first()
        if revision is None:
            raise Http404
        current = current_of(revision)
        if not _may_revert(request, revision.subject, is_deleted=current is None):
            raise PermissionDenied
        if request.method == "POST":
            return self._revert(request, revision)
        now = definition_of(current) if current is not None else {}
        return self._page(
            request,
            "alerts/revert.html",
            f"Revert {revision.name}" if current else f"Restore {revision.name}",
            {
                "revision": revision,
                "current": current,
                "when": ago(revision.at),
                "changes": shown_changes(now, revision.definition),
                "fault": fault_of(revision, current),
            },
        )

    @display(description="name", ordering="name")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_name(self, revision: RuleRevision) -> SafeString:
        return format_html(
            '<span>{}</span> <span class="portal-quiet">{}</span>',
            revision.name,
            "" if revision.subject == RevisionSubject.RULE else "group",
        )

    @display(description="action", ordering="action")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_action(self, revision: RuleRevision) -> SafeString:
        return _action(revision)

    @display(description="what")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_fields(self, revision: RuleRevision) -> SafeString | str:
        if revision.action != RevisionAction.CHANGED:
            expr = str(revision.definition.get("expr", ""))
            return format_html('<code class="portal-expr">{}</code>', _short(expr)) if expr else ""
        names = list(dict.fromkeys(_title(each.field) for each in _readable_changes(revision)))
        more = len(names) - _FIELDS_NAMED
        return ", ".join(names[:_FIELDS_NAMED]) + (f" and {more} more" if more > 0 else "")

    @display(description="when", ordering="at")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_at(self, revision: RuleRevision) -> SafeString:
        return ago(revision.at)

    def _revert(self, request: HttpRequest, revision: RuleRevision) -> HttpResponse:
        try:
            row = revert(revision, now=timezone.now(), by=author_of(request).by)
        except RuleError as error:
            self.message_user(request, f"Not reverted: {error}.", messages.ERROR)
            return HttpResponseRedirect(
                reverse("admin:alerts_rulerevision_change", args=[revision.pk])
            )
        self.message_user(request, f"{row.name} is again what it was.", messages.SUCCESS)
        return HttpResponseRedirect(row.get_absolute_url())

    def _page(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        return render_page(request, template, title=title, context={"opts": self.opts, **context})


def shown_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ShownChange]:
    """Return in what two definitions differ, in the words of rule files."""
    changes = field_changes(readable(before) if before else {}, readable(after))
    found = []
    for change in changes:
        left, right = different_words(_text(change.before), _text(change.after))
        found.append(
            ShownChange(
                title=_title(change.field), before=_marked(left, "del"), after=_marked(right, "ins")
            )
        )
    return found


def _shown(
    page: Page[RuleRevision], subject: RevisionSubject, subject_id: int
) -> list[ShownRevision]:
    newest = RuleRevision.objects.filter(subject=subject, subject_id=subject_id)
    last = newest.order_by("-pk").values_list("pk", flat=True).first()
    return [
        ShownRevision(
            row=revision,
            action=_action(revision),
            when=ago(revision.at),
            changes=_changes(revision),
            yaml="" if getattr(revision, "before", None) else yaml_of(revision.definition),
            is_of_rule=revision.subject != subject,
            is_newest=revision.pk == last and revision.action != RevisionAction.DELETED,
        )
        for revision in page.object_list
    ]


def _changes(revision: RuleRevision) -> list[ShownChange]:
    """Return what a change changed; nothing for what was made or deleted as a whole."""
    before: Mapping[str, Any] | None = getattr(revision, "before", None)
    if before is None or revision.action == RevisionAction.DELETED:
        return []
    return shown_changes(before, revision.definition)


def _marked(parts: list[Part], element: str) -> SafeString:
    return format_html_join(
        "",
        "{}{}{}",
        (
            (SafeString(f"<{element}>"), part.text, SafeString(f"</{element}>"))
            if part.is_changed
            else ("", part.text, "")
            for part in parts
        ),
    )


def _shown_lines(before: str, after: str) -> SafeString:
    lines = different_lines(before, after)
    shown = '<span class="portal-line-{}">{}\n</span>'
    return format_html_join("", shown, ((line.kind, line.text) for line in lines))


def _readable_changes(revision: RuleRevision) -> list[Any]:
    before = getattr(revision, "before", None)
    return field_changes(readable(before) if before else {}, readable(revision.definition))


def _neighbour(revision: RuleRevision, lookup: str, order: str) -> RuleRevision | None:
    same = RuleRevision.objects.filter(subject=revision.subject, subject_id=revision.subject_id)
    return same.filter(**{lookup: revision.pk}).order_by(order).first()


def _may_revert(request: HttpRequest, subject: str, *, is_deleted: bool) -> bool:
    name = "rule" if subject == RevisionSubject.RULE else "rulegroup"
    needed = [f"alerts.change_{name}", *([f"alerts.add_{name}"] if is_deleted else [])]
    return bool(request.user.has_perms(needed))


def _history_url(revision: RuleRevision) -> str:
    name = "rule" if revision.subject == RevisionSubject.RULE else "rulegroup"
    return reverse(f"admin:alerts_{name}_history", args=[revision.subject_id])


def _action(revision: RuleRevision) -> SafeString:
    return badge(RevisionAction(revision.action).label, _TONES[revision.action])


def _short(expr: str) -> str:
    return expr if len(expr) <= _EXPR_SHOWN else expr[: _EXPR_SHOWN - 1] + "…"


def _title(field: str) -> str:
    head, _, part = field.partition(".")
    return f"{_HEADS.get(head, head)} {part}" if part else field


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)
