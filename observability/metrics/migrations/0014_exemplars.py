from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0013_amendments")]

    operations = [
        migrations.CreateModel(
            name="StoredExemplar",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("series_id", models.BigIntegerField()),
                ("timestamp_ms", models.BigIntegerField()),
                ("value", models.FloatField()),
                ("labels", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "metrics_exemplar",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("series_id", "timestamp_ms"), name="exemplar_series_time_unique"
                    )
                ],
            },
        ),
    ]
