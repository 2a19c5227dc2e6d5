import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="new_series_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How many new series the key may make in a minute. Empty: MAX_NEW_SERIES_PER_MINUTE.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
    ]
