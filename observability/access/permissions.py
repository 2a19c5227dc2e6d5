"""Who may come in through an API's door: scopes for keys, Django permissions for people."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from observability.access.models import ApiKey
from observability.access.scopes import SCOPE_PERMISSIONS, Scope


class Nobody(BasePermission):
    """Let nobody in; the default, so that a view without permissions of its own stays shut."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return False."""
        return False


class SignedIn(BasePermission):
    """Let in every signed-in user and every key, whatever their rights."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Say whether the request says who it is."""
        return bool(request.user.is_authenticated)


class ScopePermission(BasePermission):
    """Let in keys with the scope of the method, and people with the permission that stands for it."""

    read: ClassVar[Scope | None] = None
    write: ClassVar[Scope | None] = None

    def has_permission(self, request: Request, view: Any) -> bool:
        """Say whether the request may do this; False for an anonymous one, which becomes a 401.

        Raises:
            PermissionDenied: It says who it is, but lacks the scope or permission, which the error names.
            MethodNotAllowed: Nobody may use this method here.
        """
        scope = self.read if request.method in SAFE_METHODS else self.write
        if scope is None:
            raise MethodNotAllowed(str(request.method))
        if not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiKey):
            if not request.auth.allows(scope):
                raise PermissionDenied(f"this needs an API key with the scope {scope.value}")
        elif not request.user.has_perm(SCOPE_PERMISSIONS[scope]):
            raise PermissionDenied(f"this needs the permission {SCOPE_PERMISSIONS[scope]}")
        return True


def requires(*, read: Scope | None = None, write: Scope | None = None) -> type[ScopePermission]:
    """Return a permission class for a view: `read` for GET, HEAD and OPTIONS, `write` for all other methods.

    A method whose scope is None is answered with 405.
    """
    return type("RequiredScope", (ScopePermission,), {"read": read, "write": write})
