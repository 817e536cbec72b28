"""The client's side of grpc.health.v1.Health/Check.

The package of its messages would be one more dependency, and has a file of the same name as
others': two messages of one field each have the form of two that protobuf brings.
"""

from __future__ import annotations

import enum

from google.protobuf.wrappers_pb2 import StringValue, UInt32Value

from eldr._methods import Unary

CHECK = Unary("/grpc.health.v1.Health/Check", StringValue, UInt32Value)


class Health(enum.Enum):
    """What the daemon says of itself."""

    UNKNOWN = 0  # it cannot tell
    SERVING = 1  # alive, or ready, whichever was asked
    NOT_SERVING = 2  # e.g. not ready because it shuts down


def health_request(service: str) -> StringValue:
    return StringValue(value=service)


def health_of(response: UInt32Value) -> Health:
    """A status that is newer than this code is UNKNOWN."""
    return Health(response.value) if response.value in (1, 2) else Health.UNKNOWN
