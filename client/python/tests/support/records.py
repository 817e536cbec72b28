"""Reads the records that an eldrd writes: its event log and its captures."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from eldr import v1 as v1  # what the records refer to is known then

_MAGIC_BYTES = 8
_PROTO = Path(__file__).parents[4] / "proto"


@functools.cache
def _kind(name: str) -> Any:
    """A message of eldr.storage.v1, which the package does not bring."""
    folder = "eldr/storage/v1"
    files = [f"{folder}/{path.name}" for path in sorted((_PROTO / folder).glob("*.proto"))]
    command = ["protoc", f"-I{_PROTO}", "--descriptor_set_out=/dev/stdout", *files]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    pool = descriptor_pool.Default()
    for file in descriptor_pb2.FileDescriptorSet.FromString(made).file:
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"eldr.storage.v1.{name}"))


def records(folder: Path, name: str) -> Iterator[Any]:
    """Of all files in their order, as messages of that name. One that is cut off is still being
    written."""
    kind = _kind(name)
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
