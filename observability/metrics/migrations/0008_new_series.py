import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0007_running_total")]

    operations = [
        migrations.AddIndex(
            model_name="series",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["created_at"], name="series_created_at_brin"
            ),
        ),
    ]
