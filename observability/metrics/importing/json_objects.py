"""JSON files: objects as of `POST /api/metrics`, in a list, one a line (NDJSON), or just one."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import numpy as np

from observability.metrics.importing.chunks import Chunk
from observability.metrics.importing.numbers import read_time_ms, read_value
from observability.metrics.importing.parts import Fault, Rows
from observability.metrics.ingest.json_samples import JsonSample
from observability.metrics.samples import Metadata
from observability.promql.labels import METRIC_NAME

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_INNER = rb'\{(?:[^{}"]++|%b)*+\}' % _STRING
# An object, with objects inside it one deep: a sample has its labels there.
_OBJECT = re.compile(rb'\{(?:[^{}"]++|%b|%b)*+\}' % (_STRING, _INNER), re.DOTALL)
# What may stand around objects.
_BETWEEN = re.compile(rb"[\s,\[\]]*+")

_one = msgspec.json.Decoder(JsonSample)
_many = msgspec.json.Decoder(list[JsonSample])

JsonKey = tuple[str, tuple[tuple[str, str], ...]]


class JsonFormat:
    """Reads it; every object needs a timestamp."""

    @staticmethod
    def cut(text: bytes) -> int:
        """Return where the last complete object ends, and what may stand around it."""
        end = 0
        for found in _OBJECT.finditer(text):
            end = found.end()
        between = _BETWEEN.match(text, end)
        return between.end() if between else end

    def read(self, chunk: Chunk) -> Rows[JsonKey]:
        """Return the samples of a chunk."""
        objects, lines, faults = _objects(chunk)
        samples = _decode(objects, lines, faults)
        keys: list[JsonKey] = []
        right: list[int] = []
        times: list[int] = []
        values: list[float] = []
        metadata: dict[str, Metadata] = {}
        for line, sample in samples:
            try:
                if sample.timestamp is None:
                    raise ValueError("a sample of a file needs a timestamp")
                time_ms = read_time_ms(sample.timestamp)
                value = read_value(str(sample.value))
            except ValueError as error:
                faults.append(Fault(line, str(error)))
                continue
            keys.append((sample.name, tuple(sample.labels.items())))
            right.append(line)
            times.append(time_ms)
            values.append(value)
            if sample.type is not None:
                metadata[sample.name] = Metadata(type=sample.type)
        return Rows(
            keys=keys,
            lines=np.array(right, np.int64),
            timestamps_ms=np.array(times, np.int64),
            values=np.array(values, np.float64),
            faults=faults,
            metadata=metadata,
        )

    @staticmethod
    def decode(key: JsonKey) -> Mapping[str, str]:
        """Return the labels of an object."""
        name, labels = key
        return {**dict(labels), METRIC_NAME: name}


def _objects(chunk: Chunk) -> tuple[list[bytes], list[int], list[Fault]]:
    """Return the objects of a chunk and their lines, and what else stands there."""
    objects, lines, faults = [], [], []
    text, at, line = chunk.text, 0, chunk.first_line
    while at < len(text):
        between = _BETWEEN.match(text, at)
        start = between.end() if between else at
        line += text.count(b"\n", at, start)
        at = start
        if at == len(text):
            break
        found = _OBJECT.match(text, at)
        if found:
            objects.append(found[0])
            lines.append(line)
            end = found.end()
        else:
            shown = text[at : at + 80].split(b"\n")[0].decode(errors="replace")
            faults.append(Fault(line, f'expected an object such as {{"name": ...}}; got {shown!r}'))
            # The rest of the line is lost; the next may be right again.
            end = text.find(b"\n", at)
            end = len(text) if end < 0 else end
        line += text.count(b"\n", at, end)
        at = end
    return objects, lines, faults


def _decode(
    objects: list[bytes], lines: list[int], faults: list[Fault]
) -> list[tuple[int, JsonSample]]:
    """Return the samples of objects with their lines; the faults of the others are added."""
    try:
        return list(zip(lines, _many.decode(b"[" + b",".join(objects) + b"]"), strict=True))
    except (msgspec.DecodeError, UnicodeDecodeError):
        samples = []
    for line, text in zip(lines, objects, strict=True):
        try:
            samples.append((line, _one.decode(text)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            faults.append(Fault(line, str(error)))
    return samples
