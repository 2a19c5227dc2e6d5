import django.db.models.deletion
from django.db import migrations, models

# Segments of the levels 0 to 2 live for a day at most and share one partition, whose space is
# used again and again; those of level 3 stay, in a partition a week (store/partitions.py).
CREATE = """
CREATE SEQUENCE metrics_segment_id_seq;
CREATE TABLE metrics_segment (
    id bigint NOT NULL DEFAULT nextval('metrics_segment_id_seq'),
    window_start_ms bigint NOT NULL,
    window_end_ms bigint NOT NULL,
    metric_id bigint NOT NULL,
    min_timestamp_ms bigint NOT NULL,
    max_timestamp_ms bigint NOT NULL,
    min_series_id bigint NOT NULL,
    max_series_id bigint NOT NULL,
    sample_count bigint NOT NULL,
    series_count integer NOT NULL,
    level smallint NOT NULL,
    directory bytea STORAGE EXTERNAL NOT NULL,
    data bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (id, level, window_start_ms)
) PARTITION BY LIST (level);
ALTER SEQUENCE metrics_segment_id_seq OWNED BY metrics_segment.id;
CREATE INDEX segment_metric_window ON metrics_segment (metric_id, window_start_ms);
CREATE INDEX segment_level_window ON metrics_segment (level, window_start_ms);
CREATE TABLE metrics_segment_recent PARTITION OF metrics_segment FOR VALUES IN (0, 1, 2) WITH (
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.1,
    toast.autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_threshold = 5000
);
CREATE TABLE metrics_segment_daily PARTITION OF metrics_segment FOR VALUES IN (3)
    PARTITION BY RANGE (window_start_ms);
"""


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Segment",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "id",
                                "level",
                                "window_start_ms",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("id", models.BigIntegerField(editable=False)),
                        ("level", models.SmallIntegerField()),
                        ("window_start_ms", models.BigIntegerField()),
                        ("window_end_ms", models.BigIntegerField()),
                        ("min_timestamp_ms", models.BigIntegerField()),
                        ("max_timestamp_ms", models.BigIntegerField()),
                        ("min_series_id", models.BigIntegerField()),
                        ("max_series_id", models.BigIntegerField()),
                        ("sample_count", models.BigIntegerField()),
                        ("series_count", models.IntegerField()),
                        ("directory", models.BinaryField()),
                        ("data", models.BinaryField()),
                        (
                            "metric",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="metrics.metric",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["metric", "window_start_ms"], name="segment_metric_window"
                            ),
                            models.Index(
                                fields=["level", "window_start_ms"], name="segment_level_window"
                            ),
                        ],
                    },
                ),
            ],
            database_operations=[
                migrations.RunSQL(CREATE, reverse_sql="DROP TABLE metrics_segment CASCADE")
            ],
        ),
    ]
