from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    name = "observability.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from observability.access import openapi, secret_fields  # noqa: F401, PLC0415 (they register themselves)
        from observability.access.navigation import Entry, Section, register_entry  # noqa: PLC0415
        from observability.access.roles import sync_roles  # noqa: PLC0415 (needs the models)

        # For all apps, and connected after django.contrib.auth, which makes the permissions.
        post_migrate.connect(sync_roles, dispatch_uid="access.sync_roles")
        pages = (
            ("API keys", "key", "admin:access_apikey_changelist", "access.view_apikey"),
            ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            ("Roles", "group", "admin:auth_group_changelist", "auth.view_group"),
            (
                "Failed sign-ins",
                "lock_person",
                "admin:axes_accessattempt_changelist",
                "axes.view_accessattempt",
            ),
        )
        for order, (title, icon, url_name, permission) in enumerate(pages):
            register_entry(
                Entry(
                    section=Section.ACCESS,
                    title=title,
                    icon=icon,
                    url_name=url_name,
                    permission=permission,
                    order=order,
                )
            )
