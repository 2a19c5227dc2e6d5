from django.db import migrations


class Migration(migrations.Migration):
    """Rows that are updated again and again get room for it on their own page.

    Values of firing alerts and the times of groups change at each evaluation; neither is indexed
    as a whole, so most updates touch no index when the page has room.
    """

    dependencies = [("alerts", "0007_revision_of_group")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE alerts_alert SET (fillfactor = 80)",
            "ALTER TABLE alerts_alert RESET (fillfactor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE alerts_rulegroup SET"
            " (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)",
            "ALTER TABLE alerts_rulegroup RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
    ]
