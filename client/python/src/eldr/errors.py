"""The error that calls raise."""

from __future__ import annotations

import grpc

_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


class EldrError(Exception):
    """A call that failed: the daemon's code and message, or gRPC's where it was not reached.

    Those that never reached the daemon are UNAVAILABLE and DEADLINE_EXCEEDED.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


class RefusedError(EldrError):
    """The error of one element of a batch or of one message of a stream, which goes on."""


def from_rpc_error(error: grpc.RpcError) -> EldrError:
    return EldrError(error.code(), error.details() or "")


def from_number(code: int, message: str) -> RefusedError:
    """From a code as it stands in messages; one that is not canonical is UNKNOWN."""
    return RefusedError(_BY_NUMBER.get(code, grpc.StatusCode.UNKNOWN), message)
