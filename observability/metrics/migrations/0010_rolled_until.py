from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0009_rollups")]

    operations = [
        # Days were rolled up as a whole before.
        migrations.AddField(
            model_name="rolledday",
            name="until_ms",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunSQL(
            "UPDATE metrics_rolledday SET until_ms = day_ms + 86400000",
            reverse_sql=migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="rolledday",
            name="until_ms",
            field=models.BigIntegerField(),
        ),
    ]
