"""Reads the records that an eldrd writes: its event log and its captures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MAGIC_BYTES = 8


def records(folder: Path, kind: Any) -> Iterator[Any]:
    """Of all files in their order. One that is cut off is still being written."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        at = _MAGIC_BYTES
        while (found := _varint(data, at)) is not None:
            size, at = found
            if at + size > len(data):
                break
            yield kind.FromString(data[at : at + size])
            at += size


def _varint(data: bytes, at: int) -> tuple[int, int] | None:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7
    return None
