from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0002_segments")]

    operations = [
        migrations.CreateModel(
            name="CatalogueEpoch",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="metric",
            name="series_count",
            field=models.IntegerField(db_default=0, editable=False),
        ),
        migrations.RunSQL(
            """
            UPDATE metrics_metric AS metric SET series_count = counted.total
            FROM (SELECT metric_id, count(*) AS total FROM metrics_series GROUP BY metric_id) AS counted
            WHERE metric.id = counted.metric_id;
            """,
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
