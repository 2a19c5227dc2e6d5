import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import alerts.models.routing
import observability.access.secret_fields


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Receiver",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="Who is told, for example 'on-call' or 'database team'.",
                        max_length=200,
                        unique=True,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Integration",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(editable=False, max_length=30)),
                ("config", models.JSONField(default=dict, editable=False)),
                (
                    "secrets",
                    observability.access.secret_fields.EncryptedJSONField(
                        default=dict, editable=False
                    ),
                ),
                (
                    "send_resolved",
                    models.BooleanField(
                        default=True,
                        help_text="Send a message when the alerts are resolved, too.",
                        verbose_name="tell when resolved",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "receiver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="integrations",
                        to="alerts.receiver",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("matchers", models.JSONField(default=list, editable=False)),
                (
                    "group_by",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(),
                        blank=True,
                        default=alerts.models.routing.default_group_by,
                        help_text="Alerts with equal values of these labels share one message.",
                        size=None,
                    ),
                ),
                (
                    "group_wait_ms",
                    models.PositiveBigIntegerField(
                        default=30000,
                        help_text="How long a new group waits for more alerts.",
                        verbose_name="group wait",
                    ),
                ),
                (
                    "group_interval_ms",
                    models.PositiveBigIntegerField(
                        default=300000,
                        help_text="How long until changes in a group are told.",
                        verbose_name="group interval",
                    ),
                ),
                (
                    "repeat_interval_ms",
                    models.PositiveBigIntegerField(
                        default=14400000,
                        help_text="How long until a group that still fires is told again.",
                        verbose_name="repeat interval",
                    ),
                ),
                ("continue_matching", models.BooleanField(default=False, editable=False)),
                ("position", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="alerts.route",
                    ),
                ),
                (
                    "receiver",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who is told. Without a receiver nobody hears of an alert.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="routes",
                        to="alerts.receiver",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="AlertGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.TextField()),
                ("key_digest", models.CharField(max_length=64)),
                ("labels", models.JSONField()),
                ("next_flush_at", models.DateTimeField(null=True)),
                ("flushed_at", models.DateTimeField(null=True)),
                ("flush_sequence", models.PositiveBigIntegerField(default=0)),
                ("active_since", models.DateTimeField()),
                (
                    "route",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="groups",
                        to="alerts.route",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AlertGroupMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="alerts.alert",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="alerts.alertgroup",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("group", "alert"), name="alerts_alertgroupmember_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("receiver_name", models.CharField(max_length=200, verbose_name="receiver")),
                ("kind", models.CharField(max_length=30, verbose_name="sent by")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("first", "First notification"),
                            ("new-firing", "New alerts"),
                            ("new-resolved", "Some alerts resolved"),
                            ("all-resolved", "All alerts resolved"),
                            ("repeat", "Repeat interval elapsed"),
                            ("test", "Test"),
                        ],
                        max_length=20,
                    ),
                ),
                ("payload", models.JSONField()),
                ("title", models.TextField()),
                ("thread", models.CharField(max_length=100)),
                (
                    "firing",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), default=list, size=None
                    ),
                ),
                (
                    "resolved",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), default=list, size=None
                    ),
                ),
                ("idempotency_key", models.CharField(max_length=100, unique=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("recorded", "Recorded"),
                            ("superseded", "Superseded"),
                            ("failed", "Failed"),
                            ("dead", "Given up"),
                        ],
                        default="pending",
                        max_length=12,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("next_attempt_at", models.DateTimeField(null=True, verbose_name="next attempt")),
                ("queued_until", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                ("progress", models.JSONField(default=dict)),
                ("error", models.TextField(blank=True, default="")),
                ("response", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(verbose_name="made")),
                ("attempted_at", models.DateTimeField(null=True, verbose_name="last attempt")),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                (
                    "group",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notifications",
                        to="alerts.alertgroup",
                    ),
                ),
                (
                    "integration",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notifications",
                        to="alerts.integration",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "pending")),
                        fields=["next_attempt_at"],
                        name="alerts_notification_due",
                    ),
                    models.Index(
                        condition=models.Q(("status", "sending")),
                        fields=["lease_until"],
                        name="alerts_notification_lease",
                    ),
                    models.Index(
                        fields=["group", "integration", "-id"], name="alerts_notification_stream"
                    ),
                    models.Index(fields=["status", "-id"], name="alerts_notification_status"),
                    models.Index(fields=["created_at", "status"], name="alerts_notification_made"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(
                condition=models.Q(("parent", None)),
                fields=("parent",),
                name="alerts_route_one_root",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.CheckConstraint(
                condition=models.Q(("group_interval_ms__gte", 1000)),
                name="alerts_route_group_interval",
            ),
        ),
        migrations.AddIndex(
            model_name="alertgroup",
            index=models.Index(
                condition=models.Q(("next_flush_at__isnull", False)),
                fields=["next_flush_at"],
                name="alerts_alertgroup_due",
            ),
        ),
        migrations.AddIndex(
            model_name="alertgroup",
            index=models.Index(
                condition=models.Q(("next_flush_at", None)),
                fields=["active_since"],
                name="alerts_alertgroup_at_rest",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertgroup",
            constraint=models.UniqueConstraint(
                fields=("route", "key_digest"), name="alerts_alertgroup_key"
            ),
        ),
    ]
