import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import Apps


def make_default(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the policy that counts where no other matches, with the fields' defaults."""
    apps.get_model("metrics", "RetentionPolicy").objects.create(
        pattern=".*", is_default=True, position=0
    )


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0003_epoch"),
    ]

    operations = [
        migrations.CreateModel(
            name="Deletion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "selectors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("start_ms", models.BigIntegerField(null=True)),
                ("end_ms", models.BigIntegerField(null=True)),
                ("requested_by", models.CharField(max_length=255)),
                (
                    "requested_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "requested"),
                            ("running", "running"),
                            ("done", "done"),
                            ("failed", "failed"),
                        ],
                        default="requested",
                        max_length=16,
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("finding", "finding series"),
                            ("settling", "waiting for writes that began before"),
                            ("rewriting", "rewriting segments"),
                            ("collecting", "removing metrics and labels without series"),
                        ],
                        default="finding",
                        max_length=16,
                    ),
                ),
                ("series_count", models.BigIntegerField(default=0, verbose_name="series")),
                ("samples_removed", models.BigIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="")),
                ("last_series_id", models.BigIntegerField()),
                ("cursor", models.BigIntegerField(default=0)),
                (
                    "waits_for",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), null=True, size=None
                    ),
                ),
                ("log_barrier", models.BigIntegerField(default=0)),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="DeletionMetric",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("metric_id", models.BigIntegerField()),
                ("next_window_ms", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="RetentionPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "position",
                    models.PositiveIntegerField(
                        default=100,
                        help_text="The policy with the lowest position that matches a metric's name counts.",
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        help_text="A regular expression (RE2) for the whole name of a metric, such as node_.* or (up|scrape_.*).",
                        max_length=1024,
                        unique=True,
                    ),
                ),
                ("is_default", models.BooleanField(default=False, editable=False)),
                (
                    "raw_days",
                    models.PositiveIntegerField(
                        default=30,
                        help_text="How long samples are kept as they came in, 1 to 36,500 days.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(36500),
                        ],
                        verbose_name="raw samples, days",
                    ),
                ),
                (
                    "rollup_5m_days",
                    models.PositiveIntegerField(
                        default=180,
                        help_text="How long summaries of 5 minutes are kept, at least as long as raw samples; 0 keeps none.",
                        validators=[django.core.validators.MaxValueValidator(36500)],
                        verbose_name="5-minute rollups, days",
                    ),
                ),
                (
                    "rollup_1h_days",
                    models.PositiveIntegerField(
                        default=730,
                        help_text="How long summaries of an hour are kept, at least as long as those of 5 minutes; 0 keeps none.",
                        validators=[django.core.validators.MaxValueValidator(36500)],
                        verbose_name="1-hour rollups, days",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "retention policies",
                "ordering": ("is_default", "position", "pk"),
            },
        ),
        migrations.AddField(
            model_name="series",
            name="retiring_epoch",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(
                condition=models.Q(("retiring_epoch__isnull", False)),
                fields=["metric"],
                name="series_retiring",
            ),
        ),
        migrations.AddIndex(
            model_name="deletion",
            index=models.Index(
                condition=models.Q(("state__in", ("requested", "running"))),
                fields=["id"],
                name="deletion_unfinished",
            ),
        ),
        migrations.AddField(
            model_name="deletionmetric",
            name="deletion",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="metrics",
                to="metrics.deletion",
            ),
        ),
        migrations.AddConstraint(
            model_name="retentionpolicy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("is_default",),
                name="retention_policy_one_default",
            ),
        ),
        migrations.AddConstraint(
            model_name="deletionmetric",
            constraint=models.UniqueConstraint(
                fields=("deletion", "metric_id"), name="deletion_metric_unique"
            ),
        ),
        migrations.RunPython(make_default, migrations.RunPython.noop),
    ]
