from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0008_new_series")]

    operations = [
        migrations.CreateModel(
            name="Rollup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("metric_id", models.BigIntegerField()),
                ("resolution_ms", models.IntegerField()),
                ("window_start_ms", models.BigIntegerField()),
                ("min_series_id", models.BigIntegerField()),
                ("max_series_id", models.BigIntegerField()),
                ("series_count", models.IntegerField()),
                ("bucket_count", models.BigIntegerField()),
                ("sample_count", models.BigIntegerField()),
                ("directory", models.BinaryField()),
                ("data", models.BinaryField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["metric_id", "resolution_ms", "window_start_ms"],
                        name="rollup_metric_window",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RolledDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "metric_id",
                        "day_ms",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("metric_id", models.BigIntegerField()),
                ("day_ms", models.BigIntegerField()),
                ("source_id", models.BigIntegerField()),
                ("sample_count", models.BigIntegerField()),
            ],
        ),
        # Compressed already, and fetched in parts; rows of an hour's buckets are written anew
        # every day, so space is given back before much of it is waste.
        migrations.RunSQL(
            """
            ALTER TABLE metrics_rollup ALTER COLUMN directory SET STORAGE EXTERNAL;
            ALTER TABLE metrics_rollup ALTER COLUMN data SET STORAGE EXTERNAL;
            ALTER TABLE metrics_rollup SET (
                autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
                toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_threshold = 5000
            );
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
