"""How the OpenAPI description tells clients to authenticate."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # no types
    """API keys, in both headers that are understood."""

    target_class = "observability.access.authentication.ApiKeyAuthentication"
    name = ["apiKeyBearer", "apiKeyBasic"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        """Return one definition for each name."""
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key."},
            {
                "type": "http",
                "scheme": "basic",
                "description": "Any user name, and an API key as the password.",
            },
        ]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # no types
    """Tokens of `POST /api/admin/login`."""

    target_class = "observability.access.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the definition."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The token of a login.",
        }
