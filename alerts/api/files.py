"""`/api/alert-rules/import` and `/export`: rule files of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts.api.author import author_of
from alerts.rules.errors import RuleError
from alerts.rules.exporting import (
    NothingToExportError,
    SameNameError,
    choose_groups,
    export_groups,
)
from alerts.rules.files.errors import RuleFileError
from alerts.rules.files.planning import Step
from alerts.rules.files.reading import checked_rules
from alerts.rules.files.targets import read_version
from alerts.rules.importing.imports import (
    ImportPlan,
    ProvisionedFileError,
    apply_import,
    plan_import,
)
from alerts.rules.revisions import Author
from observability.access.api_errors import ApiError
from observability.access.permissions import requires
from observability.access.scopes import Scope

YAML = "application/yaml"


class TextParser(BaseParser):
    """Read a body as text in UTF-8, whatever it is called, up to `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the text."""
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return str(stream.read(), "utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("the body is not in UTF-8") from error


class ImportQuery(serializers.Serializer[Any]):
    """How a file is imported."""

    file = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=500,
        help_text="The name under which its groups are kept, as they are told apart by it; without"
        " one they are groups of the portal itself.",
    )
    dry_run = serializers.BooleanField(default=False, help_text="Only tell what would change.")
    prune = serializers.BooleanField(
        default=False, help_text="Remove groups of that name that are not in the file."
    )


class ExportQuery(serializers.Serializer[Any]):
    """What is exported."""

    target = serializers.CharField(
        required=False,
        help_text="The version of Prometheus that is to read it, such as 2.42; without one the"
        " portal's own keys are written as well.",
    )
    file = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Only groups of this rule file; empty for those made in the portal.",
    )
    group = serializers.CharField(required=False, help_text="Only groups of this name.")


class RuleChangeOutput(serializers.Serializer[Any]):
    """What becomes of one rule."""

    name = serializers.CharField()
    step = serializers.ChoiceField(choices=[str(step) for step in Step])
    diff = serializers.ListField(child=serializers.CharField())


class GroupChangeOutput(serializers.Serializer[Any]):
    """What becomes of one group."""

    name = serializers.CharField()
    step = serializers.ChoiceField(choices=[str(step) for step in Step])
    diff = serializers.ListField(
        child=serializers.CharField(), help_text="Of the group's own settings."
    )
    rules = RuleChangeOutput(
        source="changed_rules", many=True, help_text="Without those that stay as they are."
    )


class ImportOutput(serializers.Serializer[Any]):
    """What an import changes."""

    file = serializers.CharField()
    dry_run = serializers.BooleanField()
    changed = serializers.BooleanField(help_text="Whether anything is not as it was.")
    groups = GroupChangeOutput(many=True)


class ImportRulesView(APIView):
    """Rule files into the portal."""

    permission_classes = (requires(write=Scope.ALERTS_WRITE),)
    parser_classes = (TextParser,)

    @extend_schema(
        operation_id="import_alert_rules",
        tags=["alert rules"],
        parameters=[ImportQuery],
        request={YAML: OpenApiTypes.STR},
        responses=ImportOutput,
    )
    def post(self, request: Request) -> Response:
        """Make groups what a rule file in YAML says, all of them or, when it is wrong, none."""
        query = ImportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        given = query.validated_data
        # Without a body no parser is asked.
        text: Any = request.data
        text = text if isinstance(text, str) else ""
        plan = _import(text, given, author=author_of(request))
        (file,) = plan.files
        answer = {
            "file": file.file,
            "dry_run": given["dry_run"],
            "changed": not plan.is_empty,
            "groups": file.groups,
        }
        return Response(ImportOutput(answer).data)


class ExportRulesView(APIView):
    """Groups of the portal as a rule file."""

    permission_classes = (requires(read=Scope.ALERTS_READ),)

    @extend_schema(
        operation_id="export_alert_rules",
        tags=["alert rules"],
        parameters=[ExportQuery],
        responses={(200, YAML): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponse:
        """Return groups in YAML; what the target does not know is told in comments at its top."""
        query = ExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        given = query.validated_data
        try:
            target = read_version(given["target"]) if "target" in given else None
            groups = choose_groups(file=given.get("file"), name=given.get("group"))
            export = export_groups(groups, target=target)
        except ValueError as error:
            raise serializers.ValidationError({"target": [str(error)]}) from error
        except NothingToExportError as error:
            raise ApiError(404, str(error)) from error
        except SameNameError as error:
            raise ApiError(409, str(error), code="same_name") from error
        return HttpResponse(export.text_with_losses, content_type=f"{YAML}; charset=utf-8")


def _import(text: str, given: Mapping[str, Any], *, author: Author) -> ImportPlan:
    name = given["file"]
    try:
        files = {name: checked_rules(text, "")}
        if given["dry_run"]:
            return plan_import(files, prune=given["prune"])
        via = f"import of {name}" if name else "import"
        return apply_import(
            files,
            now=timezone.now(),
            prune=given["prune"],
            author=Author(by=author.by, via=via[:200]),
        )
    except RuleFileError as error:
        details = [{"message": problem} for problem in error.problems]
        raise ApiError(422, "the rule file is wrong", details=details) from error
    except ProvisionedFileError as error:
        raise ApiError(409, str(error), code="provisioned") from error
    except RuleError as error:
        raise ApiError(422, str(error)) from error
