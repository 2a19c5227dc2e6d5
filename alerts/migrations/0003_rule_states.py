from typing import Any

import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _to_milliseconds(apps: Any, _: Any) -> None:
    groups = apps.get_model("alerts", "RuleGroup").objects
    groups.update(interval_ms=models.F("interval_ms") * 1000)


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0002_notifications"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("acknowledged", "Acknowledged"),
                            ("unacknowledged", "Acknowledgement taken back"),
                            ("ack expired", "Acknowledgement expired"),
                            ("comment", "Comment"),
                            ("no data", "No data"),
                            ("data back", "Data is back"),
                            ("resolved by hand", "Resolved by hand"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, default="", max_length=200)),
                ("text", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ["at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Backtest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("definition", models.JSONField()),
                ("start_at", models.DateTimeField()),
                ("end_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("canceled", "Canceled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("progress", models.FloatField(default=0.0)),
                ("error", models.TextField(blank=True, default="")),
                ("result", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("touched_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="RuleRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        choices=[("rule", "Rule"), ("group", "Rule group")], max_length=10
                    ),
                ),
                ("subject_id", models.BigIntegerField()),
                ("group_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=200)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("changed", "Changed"),
                            ("deleted", "Deleted"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, default="", max_length=200)),
                (
                    "via",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The door it came by, such as a file.",
                        max_length=200,
                    ),
                ),
                ("definition", models.JSONField()),
            ],
            options={
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.AlterModelOptions(
            name="rulegroup",
            options={"ordering": ["name", "file"]},
        ),
        migrations.RemoveConstraint(
            model_name="rulegroup",
            name="alerts_rulegroup_interval",
        ),
        migrations.RenameField("rulegroup", "interval_seconds", "interval_ms"),
        migrations.AlterField(
            model_name="rulegroup",
            name="interval_ms",
            field=models.PositiveBigIntegerField(
                default=15000,
                help_text="The time from one evaluation to the next, such as 15s or 1m.",
                validators=[
                    django.core.validators.MinValueValidator(1000),
                    django.core.validators.MaxValueValidator(86400000),
                ],
                verbose_name="interval",
            ),
        ),
        migrations.RunPython(_to_milliseconds, migrations.RunPython.noop),
        migrations.AddField(
            model_name="alert",
            name="ack_expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="ack_note",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="alert",
            name="ack_owner",
            field=models.CharField(
                blank=True, default="", max_length=200, verbose_name="acknowledged by"
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="acknowledged_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="no_data_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="on_error",
            field=models.CharField(
                choices=[
                    ("keep", "Keep them as they are"),
                    ("fire", "Fire"),
                    ("resolve", "Resolve"),
                ],
                default="keep",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="on_no_data",
            field=models.CharField(
                choices=[
                    ("keep", "Keep them as they are"),
                    ("fire", "Fire"),
                    ("resolve", "Resolve"),
                ],
                default="keep",
                max_length=10,
                verbose_name="on no data",
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="resolve_expr",
            field=models.TextField(
                blank=True,
                default="",
                help_text="A firing alert is resolved only by a series of this with the same labels.",
                verbose_name="resolve when",
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="file",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The rule file that it was imported from; names of groups are unique in a file.",
                max_length=500,
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="is_provisioned",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="The file lies in the watched folder, so it alone says what is in the group.",
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="labels",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Given to the results of all its rules, whose own labels win.",
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="limit",
            field=models.PositiveIntegerField(
                default=0,
                help_text="How many alerts or series one rule may have; more are an error. 0: any number.",
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="owner",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The person or team that looks after it.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="query_offset_ms",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="How far back expressions are evaluated, for metrics that arrive late.",
                null=True,
                verbose_name="query offset",
            ),
        ),
        migrations.AddField(
            model_name="rulegroup",
            name="version",
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.AlterField(
            model_name="rule",
            name="kind",
            field=models.CharField(
                choices=[("alerting", "Alerting"), ("recording", "Recording")],
                default="alerting",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="severity",
            field=models.CharField(
                blank=True,
                choices=[
                    ("info", "Info"),
                    ("warning", "Warning"),
                    ("error", "Error"),
                    ("critical", "Critical"),
                ],
                default="warning",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="rulegroup",
            name="name",
            field=models.CharField(max_length=200),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["fingerprint", "-active_at"], name="alerts_alert_episodes"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["labels"], name="alerts_alert_labels", opclasses=["jsonb_path_ops"]
            ),
        ),
        migrations.AddConstraint(
            model_name="rulegroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("interval_ms__gte", 1000)), name="alerts_rulegroup_interval"
            ),
        ),
        migrations.AddConstraint(
            model_name="rulegroup",
            constraint=models.UniqueConstraint(
                fields=("file", "name"), name="alerts_rulegroup_name"
            ),
        ),
        migrations.AddField(
            model_name="alertevent",
            name="alert",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="alerts.alert",
            ),
        ),
        migrations.AddField(
            model_name="backtest",
            name="created_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="backtest",
            name="rule",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="backtests",
                to="alerts.rule",
            ),
        ),
        migrations.AddIndex(
            model_name="rulerevision",
            index=models.Index(
                fields=["subject", "subject_id", "-id"], name="alerts_revision_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="rulerevision",
            index=models.Index(fields=["-at", "-id"], name="alerts_revision_newest"),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(fields=["alert", "at"], name="alerts_event_of_alert"),
        ),
        migrations.AddIndex(
            model_name="backtest",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["created_at"],
                name="alerts_backtest_unfinished",
            ),
        ),
        migrations.AddIndex(
            model_name="backtest",
            index=models.Index(fields=["-created_at", "-id"], name="alerts_backtest_newest"),
        ),
    ]
