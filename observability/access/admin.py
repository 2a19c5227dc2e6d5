from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from observability.access.key_form import ApiKeyForm
from observability.access.key_labels import format_labels
from observability.access.key_panels import (
    KeyColumn,
    registered_key_columns,
    registered_key_panels,
)
from observability.access.keys import new_token, revoke_key, set_token
from observability.access.models import ApiKey, KeyState
from observability.access.pages import render_page
from observability.access.roles import is_role
from observability.access.scopes import Scope

for replaced in (User, Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(replaced):
        admin.site.unregister(replaced)


class KeyStateFilter(admin.SimpleListFilter):
    """Which keys still open something?"""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in KeyState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        over = Q(expires_at__lte=timezone.now())
        match self.value():
            case KeyState.REVOKED:
                return queryset.filter(revoked_at__isnull=False)
            case KeyState.EXPIRED:
                return queryset.filter(over, revoked_at=None)
            case KeyState.ACTIVE:
                return queryset.filter(~over | Q(expires_at=None), revoked_at=None)
            case _:
                return queryset


# So many fit on one line of the list; the key's page has all.
SCOPES_SHOWN = 3


class KeyList(ChangeList):
    """Asks for what other apps show about the keys of a page, once for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        keys: Any = self.result_list
        for column in registered_key_columns():
            texts = column.texts([key.pk for key in keys])
            for key in keys:
                setattr(key, f"shown_{column.name}", texts.get(key.pk, "-"))


def _column_display(column: KeyColumn) -> Any:
    @display(description=column.title)  # type: ignore[untyped-decorator] # unfold has no types
    def shown(key: ApiKey) -> str:
        return str(getattr(key, f"shown_{column.name}"))

    shown.__name__ = column.name
    return shown


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    form = ApiKeyForm
    list_display = ["name", "prefix", "shown_scopes", "shown_labels", "expires_at", "last_used_at", "shown_state"]  # fmt: skip
    list_filter = [KeyStateFilter]
    search_fields = ["name", "prefix"]
    actions_detail = ["revoke"]
    actions_row = ["revoke"]

    change_form_outer_before_template = "access/key_panels.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeyList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        own = list(super().get_list_display(request))
        place = own.index("expires_at")
        added = [_column_display(column) for column in registered_key_columns()]
        return [*own[:place], *added, *own[place:]]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        key = self.get_object(request, object_id)
        panels = [panel.html(key) for panel in registered_key_panels()] if key else []
        context = {"key_panels": [panel for panel in panels if panel], **(extra_context or {})}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        fields = ["name", "scopes", "labels", "new_series_per_minute", "expires_at"]
        if obj is None:
            return fields
        return [*fields, "prefix", "shown_state", "last_used_at", "created_by", "created_at", "revoked_at"]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return self.get_fields(request, obj)[5:]

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        # A revoked key is history; only its deletion is left.
        is_history = isinstance(obj, ApiKey) and obj.revoked_at is not None
        return bool(super().has_change_permission(request, obj)) and not is_history

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if not change:
            token = new_token()
            set_token(obj, token)
            obj.created_by = request.user  # type: ignore[assignment] # staff only get here
            request.new_token = token  # type: ignore[attr-defined] # for response_add, in this request only
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        # Shown in the answer itself: a redirect would need the key to be kept somewhere until then.
        context = {"key": obj, "token": request.new_token}  # type: ignore[attr-defined] # see save_model
        return render_page(request, "access/key_made.html", title="API key made", context=context)

    @action(  # type: ignore[untyped-decorator] # unfold has no types
        description="Revoke",
        icon="block",
        permissions=["change"],
        url_path="revoke",
        dialog={
            "title": "Revoke this API key?",
            "description": "Whoever uses it is shut out at once. This cannot be undone.",
            "form_submit_text": "Revoke",
        },
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        key = get_object_or_404(ApiKey, pk=object_id)
        if revoke_key(key, now=timezone.now()):
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"The API key {key} is revoked.")
        return HttpResponse(headers={"HX-Redirect": reverse("admin:access_apikey_changelist")})

    @display(description="scopes")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_scopes(self, key: ApiKey) -> str:
        if Scope.ADMIN in key.scopes:
            return "everything"
        more = len(key.scopes) - SCOPES_SHOWN
        return ", ".join(key.scopes[:SCOPES_SHOWN]) + (f" and {more} more" if more > 0 else "")

    @display(description="labels")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_labels(self, key: ApiKey) -> str:
        return format_labels(key.labels).replace("\n", ", ")

    @display(  # type: ignore[untyped-decorator] # unfold has no types
        description="state",
        label={"Active": "success", "Expired": "warning", "Revoked": "danger"},
    )
    def shown_state(self, key: ApiKey) -> str:
        return str(key.state(timezone.now()).label)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg] # no types; generic in the stubs only
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "shown_roles", "is_active", "is_superuser", "last_login")
    list_filter = ("groups", "is_active", "is_superuser")
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    # Rights come from roles alone, so there is one place to look for them.
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        ("Rights", {"fields": ("is_staff", "groups")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        queryset: QuerySet[User] = super().get_queryset(request)
        return queryset.prefetch_related("groups")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        # Without it a new user could not open the portal at all.
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    @display(description="roles")  # type: ignore[untyped-decorator] # unfold has no types
    def shown_roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc] # unfold has no types
    """Roles; those that come with the portal can be read only, because `migrate` sets their rights."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and not _is_built_in(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and not _is_built_in(obj)


def _is_built_in(obj: Model | None) -> bool:
    return isinstance(obj, Group) and is_role(obj)


class SignInAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """Rows that the sign-in guard writes; never what was typed as a password."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(AccessAttempt)
class AccessAttemptAdmin(SignInAdmin):
    """Failed sign-ins; deleting a row lets a locked-out person try again at once."""

    list_display = ["username", "ip_address", "failures_since_start", "attempt_time", "user_agent"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "failures_since_start", "attempt_time", "path_info", "user_agent"]  # fmt: skip


@admin.register(AccessLog)
class AccessLogAdmin(SignInAdmin):
    """Who signed in and out, and from where."""

    list_display = ["username", "ip_address", "attempt_time", "logout_time", "path_info"]
    search_fields = ["username", "ip_address"]
    fields = ["username", "ip_address", "attempt_time", "logout_time", "path_info", "user_agent"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
