"""The pages on which operators import and export rule files."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header, urlencode

from alerts.models import RuleGroup
from alerts.rule_file_forms import OWN, ExportForm, ImportForm
from alerts.rules.copying import copy_group
from alerts.rules.errors import RuleError
from alerts.rules.exporting import export_groups
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.planning import Step
from alerts.rules.files.reading import checked_rules
from alerts.rules.importing.imports import ImportPlan, apply_import, plan_import
from alerts.rules.importing.summary import counts_sentence
from alerts.rules.lint.portal import lint_for_page
from alerts.rules.revisions import Author
from observability.access.pages import render_page
from observability.access.shown import Tone

_TONES: dict[Step, Tone] = {
    Step.ADDED: "good",
    Step.CHANGED: "warning",
    Step.MOVED: "warning",
    Step.REMOVED: "bad",
    Step.KEPT: "neutral",
    Step.UNCHANGED: "neutral",
}
_FINDINGS_SHOWN = 200


def import_page(request: HttpRequest) -> HttpResponse:
    """Take a rule file, show what it would change, and change that when it is confirmed."""
    if request.method != "POST":
        return _ask(request, ImportForm(initial=_initial(request)))
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid() or "edit" in request.POST:
        return _ask(request, form)
    text, name = form.cleaned_data["text"], form.cleaned_data["name"]
    if "download" in request.POST:
        return _yaml(text, name or "rules.yml")
    try:
        files = {name: checked_rules(text, "")}
        plan = plan_import(files, prune=form.cleaned_data["prune"], is_provisioned=form.is_watched)
    except RuleFileError as error:
        return _ask(request, form, problems=[*error.problems])
    if "confirm" in request.POST and not form.is_watched:
        if request.POST.get("fingerprint") == plan.fingerprint():
            return _apply(request, form, files)
        messages.warning(request, "The rules have changed meanwhile: look at the changes again.")
    return _preview(request, form, plan, findings=lint_for_page(files[name].groups))


def export_page(request: HttpRequest) -> HttpResponse:
    """Choose groups and give them as a file."""
    chosen = _chosen_groups(request)
    form = ExportForm(request.GET if "download" in request.GET else None)
    problem = ""
    if form.is_bound and form.is_valid():
        groups = RuleGroup.objects.all()
        if chosen:
            groups = groups.filter(pk__in=[group.pk for group in chosen])
        elif file := form.cleaned_data["file"]:
            groups = groups.filter(file="" if file == OWN else file)
        try:
            export = export_groups(groups, target=form.cleaned_data["target"])
        except RuleError as error:
            problem = str(error)
        else:
            files = {group.file for group in groups}
            name = files.pop() if len(files) == 1 else ""
            return _yaml(export.text_with_losses, name or "rules.yml")
    context = {"form": form, "chosen": chosen, "problem": problem}
    return render_page(request, "alerts/rule_export.html", title="Export rules", context=context)


def copy_group_page(request: HttpRequest, group_id: int) -> HttpResponse:
    """Make a copy of a group that can be changed here, and lead to it."""
    get_object_or_404(RuleGroup, pk=group_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    author = Author(by=request.user.get_username())
    copy = copy_group(group_id, now=timezone.now(), author=author)
    messages.success(
        request,
        f"This is a copy, {copy}. It is disabled, as both together would raise the same alerts:"
        " enable it once the other is gone from its file.",
    )
    return HttpResponseRedirect(copy.get_absolute_url())


def _initial(request: HttpRequest) -> dict[str, Any]:
    """Return the file that a link asks for, with what it says now."""
    file = request.GET.get("file")
    if not file:
        return {}
    groups = RuleGroup.objects.filter(file=file)
    if not groups.exists():
        raise Http404(f"there are no groups of a file {file}")
    return {"name": file, "text": export_groups(groups).text, "prune": True}


def _chosen_groups(request: HttpRequest) -> list[RuleGroup]:
    ids = [
        int(text) for text in request.GET.getlist("group") if text.isdecimal() and len(text) < 19
    ]
    return list(RuleGroup.objects.filter(pk__in=ids).order_by("name"))


def _ask(
    request: HttpRequest, form: ImportForm, *, problems: list[str] | None = None
) -> HttpResponse:
    values = form.cleaned_data if form.is_bound and hasattr(form, "cleaned_data") else {}
    shown = form
    if values.get("text"):
        # What was uploaded can be mended here.
        shown = ImportForm(initial=values)
    return render_page(
        request,
        "alerts/rule_import.html",
        title="Import rules",
        context={"form": shown, "problems": problems or [], "errors": form.errors},
    )


def _preview(
    request: HttpRequest, form: ImportForm, plan: ImportPlan, *, findings: list[Any]
) -> HttpResponse:
    (file,) = plan.files
    groups = [
        {
            "plan": group,
            "tone": _TONES[group.step],
            "rules": [
                {"plan": rule, "tone": _TONES[rule.step], "lines": _lines(rule.diff)}
                for rule in group.changed_rules
            ],
            "lines": _lines(group.diff),
        }
        for group in file.groups
    ]
    return render_page(
        request,
        "alerts/rule_import_preview.html",
        title="Import rules",
        context={
            "values": form.cleaned_data,
            "plan": plan,
            "counts": counts_sentence(plan),
            "groups": groups,
            "findings": findings[:_FINDINGS_SHOWN],
            "findings_left": max(len(findings) - _FINDINGS_SHOWN, 0),
            "fingerprint": plan.fingerprint(),
            "is_watched": form.is_watched,
        },
    )


def _lines(diff: Any) -> list[tuple[str, str]]:
    words = {"-": "gone", "+": "new"}
    return [(words.get(line[0], "same"), line[1:]) for line in diff]


def _apply(request: HttpRequest, form: ImportForm, files: dict[str, Any]) -> HttpResponse:
    name = form.cleaned_data["name"]
    via = f"import of {name}" if name else "import"
    plan = apply_import(
        files,
        now=timezone.now(),
        prune=form.cleaned_data["prune"],
        author=Author(by=request.user.get_username(), via=via[:200]),
    )
    messages.success(request, f"{counts_sentence(plan)}.".capitalize())
    url = reverse("admin:alerts_rulegroup_changelist")
    return HttpResponseRedirect(f"{url}?{urlencode({'q': name})}" if name else url)


def _yaml(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return response
