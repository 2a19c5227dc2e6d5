from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0006_pushgateway_and_imports")]

    operations = [
        migrations.CreateModel(
            name="RunningTotal",
            fields=[
                ("series_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("total", models.FloatField()),
                ("end_ms", models.BigIntegerField()),
            ],
        ),
        # Each write changes its rows: room beside them spares the index.
        migrations.RunSQL(
            "ALTER TABLE metrics_runningtotal SET (fillfactor = 70)",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
