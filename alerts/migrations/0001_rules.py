import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RuleGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, unique=True)),
                (
                    "interval_seconds",
                    models.PositiveIntegerField(
                        default=15,
                        help_text="Seconds from one evaluation to the next.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(86400),
                        ],
                        verbose_name="interval",
                    ),
                ),
                (
                    "enabled",
                    models.BooleanField(
                        default=True,
                        help_text="A disabled group is not evaluated, and its alerts are resolved.",
                    ),
                ),
                (
                    "next_evaluation_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "evaluated_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="last evaluation"),
                ),
                ("duration_ms", models.FloatField(editable=False, null=True)),
                ("rule_durations_ms", models.JSONField(default=dict, editable=False)),
                ("missed_iterations", models.BigIntegerField(default=0, editable=False)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "ordering": ["name"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("enabled", True)),
                        fields=["next_evaluation_at"],
                        name="alerts_rulegroup_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("interval_seconds__gte", 1)),
                        name="alerts_rulegroup_interval",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Rule",
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
                        help_text="Becomes the label alertname of the alerts that the rule raises.",
                        max_length=200,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("alerting", "Alerting"), ("recording", "Recording")],
                        default="alerting",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("expr", models.TextField(verbose_name="PromQL")),
                ("form", models.JSONField(editable=False, null=True)),
                ("hold_ms", models.PositiveBigIntegerField(default=0, verbose_name="for")),
                (
                    "keep_firing_ms",
                    models.PositiveBigIntegerField(default=0, verbose_name="keep firing for"),
                ),
                (
                    "severity",
                    models.CharField(
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
                ("labels", models.JSONField(blank=True, default=dict)),
                ("annotations", models.JSONField(blank=True, default=dict)),
                (
                    "enabled",
                    models.BooleanField(
                        default=True,
                        help_text="A disabled rule is not evaluated, and its alerts are resolved.",
                    ),
                ),
                (
                    "position",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Rules of a group are evaluated in this order, lowest first.",
                    ),
                ),
                (
                    "health",
                    models.CharField(
                        choices=[("unknown", "Not evaluated yet"), ("ok", "OK"), ("err", "Error")],
                        default="unknown",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("last_error", models.TextField(blank=True, default="", editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules",
                        to="alerts.rulegroup",
                    ),
                ),
            ],
            options={
                "ordering": ["group__name", "position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("rule", "Rule"), ("manual", "By hand")],
                        default="rule",
                        max_length=10,
                    ),
                ),
                ("fingerprint", models.CharField(max_length=16)),
                ("name", models.CharField(max_length=200)),
                ("labels", models.JSONField()),
                ("annotations", models.JSONField(default=dict)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("warning", "Warning"),
                            ("error", "Error"),
                            ("critical", "Critical"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("firing", "Firing"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "value",
                    models.FloatField(
                        help_text="What the expression gave last; none by hand.", null=True
                    ),
                ),
                ("active_at", models.DateTimeField(verbose_name="active since")),
                ("fired_at", models.DateTimeField(null=True, verbose_name="firing since")),
                ("resolved_at", models.DateTimeField(null=True)),
                ("keep_firing_since", models.DateTimeField(null=True)),
                (
                    "rule",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="alerts",
                        to="alerts.rule",
                    ),
                ),
            ],
            options={
                "ordering": ["-active_at", "-pk"],
                "indexes": [
                    models.Index(
                        fields=["state", "-active_at", "-id"], name="alerts_alert_by_state"
                    ),
                    models.Index(fields=["-active_at", "-id"], name="alerts_alert_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "resolved"), _negated=True),
                        fields=("rule", "fingerprint"),
                        name="alerts_alert_one_episode",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("source", "manual"), models.Q(("state", "resolved"), _negated=True)
                        ),
                        fields=("fingerprint",),
                        name="alerts_alert_one_manual_episode",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "resolved"), ("resolved_at", None), _connector="XOR"
                        ),
                        name="alerts_alert_resolved_at",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="rule",
            index=models.Index(fields=["group", "position", "id"], name="alerts_rule_order"),
        ),
    ]
