import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("metrics", "0011_stale_markers_of_rollups"),
    ]

    operations = [
        migrations.CreateModel(
            name="PastQuery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("expr", models.TextField()),
                ("digest", models.BinaryField(max_length=16)),
                ("is_starred", models.BooleanField(default=False)),
                ("runs", models.PositiveIntegerField(default=1)),
                (
                    "run_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "verbose_name_plural": "past queries",
                "default_permissions": (),
                "indexes": [models.Index(fields=["user", "-run_at"], name="past_query_latest")],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "digest"), name="past_query_unique")
                ],
            },
        ),
    ]
