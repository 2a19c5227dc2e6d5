"""Write all stored secrets anew with the first key of `ENCRYPTION_KEY`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from observability.access.errors import UnreadableSecretError
from observability.access.secret_fields import encrypted_models, reencrypt


class Command(BaseCommand):
    """Re-encrypt every encrypted column; afterwards the former keys can be taken away."""

    help = "Encrypt all stored secrets with the first key of ENCRYPTION_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        """Re-encrypt table by table and say how many rows each had."""
        for model, names in encrypted_models():
            try:
                rows = reencrypt(model, names)
            except UnreadableSecretError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{model._meta.db_table}: {rows} rows ({', '.join(names)})")
        self.stdout.write("All secrets are encrypted with the first key.")
