from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0006_backtest_state"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="rulerevision",
            index=models.Index(fields=["group_id", "-id"], name="alerts_revision_group"),
        ),
    ]
