"""A file of any size in parts that fit into memory, each ending where a record does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

# About 40,000 lines: one transaction, and one row of the sample log.
CHUNK_BYTES = 4 * 1024 * 1024
# No record of a sane file is longer.
MAX_RECORD_BYTES = 1024 * 1024

# Returns where the last complete record ends.
Cut = Callable[[bytes], int]


class RecordTooLongError(Exception):
    """A record does not end within MAX_RECORD_BYTES; `line` is where it begins."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"longer than {MAX_RECORD_BYTES:,} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    r"""Some complete records of a file.

    Attributes:
        text: The records; `\n` at the end, even when the file lacks it.
        first_line: The number of its first line.
        next_line: The number of the first line after it.
        end: Where in the file it ends, in bytes.
        is_last: Whether nothing follows.
    """

    text: bytes
    first_line: int
    next_line: int
    end: int
    is_last: bool


def after_lines(text: bytes) -> int:
    """Return where the last complete line ends."""
    return text.rfind(b"\n") + 1


def read_chunks(stream: BinaryIO, cut: Cut, *, offset: int = 0, line: int = 1) -> Iterator[Chunk]:
    """Yield the records of a stream from an offset on, at which this line begins.

    Raises:
        RecordTooLongError: A record does not end.
    """
    if offset:
        stream.seek(offset)
    rest = b""
    block = stream.read(CHUNK_BYTES)
    while block:
        following = stream.read(CHUNK_BYTES)
        text = rest + block
        end = cut(text) if following else len(text)
        if not end and len(text) > MAX_RECORD_BYTES:
            raise RecordTooLongError(line)
        text, rest, block = text[:end], text[end:], following
        if not text:
            continue
        next_line = line + text.count(b"\n")
        offset += len(text)
        yield Chunk(
            text=text if text.endswith(b"\n") or following else text + b"\n",
            first_line=line,
            next_line=next_line,
            end=offset,
            is_last=not following,
        )
        line = next_line
        if len(rest) > MAX_RECORD_BYTES:
            raise RecordTooLongError(line)
