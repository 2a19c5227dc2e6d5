from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0010_rolled_until")]

    operations = [
        # Rows of before do not say how many stale markers they had; all are made again of samples.
        migrations.RunSQL(
            "TRUNCATE metrics_rollup, metrics_rolledday", reverse_sql=migrations.RunSQL.noop
        ),
    ]
