"""Where the bytes of an import come from: a file, compressed or not, or standard input."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from observability.metrics.importing.chunks import MAX_RECORD_BYTES
from observability.metrics.importing.errors import ImportFailedError

STDIN = "-"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An open file.

    Attributes:
        stream: Its content, unpacked, from the beginning.
        head: Its first line, which is in `stream`, too.
        raw: The file itself, whose position says how far the import has come.
        size: How large the file is; None for standard input.
    """

    stream: BinaryIO
    head: bytes
    raw: BinaryIO
    size: int | None


@contextmanager
def open_source(path: str) -> Iterator[Source]:
    """Open a file by its path, `-` for standard input; gzip is known by its first bytes.

    Raises:
        ImportFailedError: It cannot be read.
    """
    try:
        with _open(path) as raw:
            is_packed = raw.peek(2)[:2] == _GZIP
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw) if is_packed else raw)
            yield Source(
                stream=stream,
                head=_head(stream, can_seek=path != STDIN),
                raw=raw,
                size=None if path == STDIN else Path(path).stat().st_size,
            )
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImportFailedError(f"{path}: {reason}") from error


def digest_of(path: str) -> str:
    """Return the SHA-256 of a file's content."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImportFailedError(f"{path}: {error.strerror}") from error


def _open(path: str) -> AbstractContextManager[io.BufferedReader]:
    if path == STDIN:
        return nullcontext(cast(io.BufferedReader, sys.stdin.buffer))
    return Path(path).open("rb")


def _head(stream: BinaryIO, *, can_seek: bool) -> bytes:
    """Return the first line, and leave the stream at its beginning."""
    if not can_seek:
        return cast(io.BufferedReader, stream).peek(1).partition(b"\n")[0]
    head = stream.readline(MAX_RECORD_BYTES)
    stream.seek(0)
    return head
