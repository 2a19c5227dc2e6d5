import base64
import stat
from pathlib import Path

import pytest

from observability.embedded.errors import NotPreparedError
from observability.embedded.locations import (
    SECRET_NAMES,
    embedded_database_url,
    embedded_redis_url,
    make_secrets,
    postgres_socket,
    read_secret,
    secret_path,
    socket_dir,
)


def test_sockets_lie_in_the_data_folder_when_its_path_is_short() -> None:
    assert socket_dir(Path("/srv/portal")) == Path("/srv/portal/sockets")


def test_sockets_of_a_long_data_folder_lie_under_tmp_within_the_limit() -> None:
    data_dir = Path("/srv") / ("long-" * 20)

    assert socket_dir(data_dir).parts[:2] == ("/", "tmp")
    assert socket_dir(data_dir) == socket_dir(data_dir / "sub" / "..")
    assert len(str(postgres_socket(data_dir))) < 104


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    first = {name: read_secret(tmp_path, name) for name in SECRET_NAMES}

    make_secrets(tmp_path)

    assert {name: read_secret(tmp_path, name) for name in SECRET_NAMES} == first
    assert {stat.S_IMODE(secret_path(tmp_path, name).stat().st_mode) for name in first} == {0o600}
    assert len(base64.urlsafe_b64decode(first["encryption_key"])) == 32
    assert len(first["secret_key"]) >= 50


@pytest.mark.parametrize(
    "url", [embedded_database_url, embedded_redis_url], ids=["database", "redis"]
)
def test_a_folder_without_servers_says_how_to_start_them(tmp_path: Path, url: object) -> None:
    assert callable(url)

    with pytest.raises(NotPreparedError, match="start the portal once with `make run`"):
        url(tmp_path)
