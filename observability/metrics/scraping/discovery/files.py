"""Targets that other programs list in files on this machine, as JSON or YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from observability.metrics.scraping.discovery.target_lists import read_groups
from observability.metrics.scraping.errors import DiscoveryError
from observability.metrics.scraping.targets import TargetGroup
from observability.metrics.scraping.yaml_text import load_yaml

ENDINGS = (".json", ".yml", ".yaml")
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_FILES = 1_000


def validate_path(path: str) -> None:
    """Raise `ValidationError` unless this is a path that targets may be read from."""
    if not Path(path).is_absolute():
        raise ValidationError(f"{path}: must be a full path, beginning with /.")
    if not path.endswith(ENDINGS) or "*" in str(Path(path).parent):
        raise ValidationError(
            f"{path}: must end with .json, .yml or .yaml; a * may stand in the file's name only."
        )


def find(config: dict[str, Any]) -> list[TargetGroup]:
    """Return the groups of all files that match; a pattern that matches none is no error.

    Raises:
        DiscoveryError: A file cannot be read, or is not a list of targets.
    """
    patterns = [Path(pattern) for pattern in config["paths"]]
    paths = sorted({path for pattern in patterns for path in pattern.parent.glob(pattern.name)})
    if len(paths) > MAX_FILES:
        raise DiscoveryError(f"at most {MAX_FILES:,} files; these are {len(paths):,}")
    groups = []
    for path in paths:
        groups += read_groups(
            _read(path), where=str(path), added_labels={"__meta_filepath": str(path)}
        )
    return groups


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DiscoveryError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise DiscoveryError(f"{path}: larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return json.loads(content) if path.suffix == ".json" else load_yaml(content)
    except (ValueError, RecursionError) as error:
        # Nothing of the content: whoever names a file here might not be allowed to read it.
        raise DiscoveryError(f"{path}: not valid {path.suffix[1:].upper()}") from error
