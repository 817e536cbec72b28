"""What both kinds of connection share: the channel, its stubs, and the rules of a call."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, Generic, TypeVar

import grpc

from eldr._credentials import TokenSource, tls_source
from eldr._methods import Request, Response, Unary
from eldr._pages import Pages
from eldr._retry import Attempts, Environment
from eldr.errors import EldrError, from_rpc_error
from eldr.options import Options, channel_arguments, proxy_address

# How many channels with replaced credentials are kept for the streams that run on them.
_MAX_RETIRED = 2

Channel = TypeVar("Channel")


def was_closed() -> EldrError:
    return EldrError(grpc.StatusCode.FAILED_PRECONDITION, "the client was closed")


class Channels(Generic[Channel]):
    """Opens the channel, and a new one when the files of TLS have changed. Not thread-safe."""

    def __init__(
        self,
        options: Options,
        environment: Environment,
        library: ModuleType,
        retire: Callable[[Channel], object],
    ) -> None:
        """`library` is grpc or grpc.aio; `retire` closes a channel that is used no more.

        ValueError if an option is out of its range or a file cannot be read. Does not connect.
        """
        options.check()
        self.options = options
        self.environment = environment
        self.token = TokenSource(options.token_file)
        self._library = library
        self._retire = retire
        self._tls = tls_source(options, environment.now)
        # Not checked for new files, as `current` does.
        self.newest: Channel = self._open(self._tls.load() if self._tls else None)
        self._retired: list[Channel] = []
        self._closed = False
        self._stubs: dict[str, Any] = {}

    def _open(self, credentials: grpc.ChannelCredentials | None) -> Any:
        arguments = channel_arguments(self.options)
        if credentials is None:
            return self._library.insecure_channel(self.options.target, arguments)
        return self._library.secure_channel(self.options.target, credentials, arguments)

    def current(self) -> Channel:
        """The newest one. EldrError once the client was closed."""
        if self._closed:
            raise was_closed()
        credentials = self._tls.reload() if self._tls else None
        if credentials is not None:
            self._retired.append(self.newest)
            self.newest = self._open(credentials)
            self._stubs.clear()
            while len(self._retired) > _MAX_RETIRED:
                self._retire(self._retired.pop(0))
        return self.newest

    def stub(self, method: Unary[Request, Response]) -> Any:
        channel: Any = self.current()
        stub = self._stubs.get(method.path)
        if stub is None:
            stub = channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            self._stubs[method.path] = stub
        return stub

    def close(self) -> list[Channel]:
        """All that are open, for the caller to close."""
        self._closed = True
        return [*self._retired, self.newest]

    def attempts(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Attempts:
        return Attempts(
            self.options.retry,
            method.repeatable(request),
            self.options.timeout if timeout is None else timeout,
            self.environment,
        )

    def pages(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Pages[Request, Response]:
        whole = self.options.timeout if timeout is None else timeout
        return Pages(method, request, whole, self.environment)

    def error_of(self, raised: grpc.RpcError) -> EldrError:
        """Names the proxy where the daemon was not reached by way of one."""
        error = from_rpc_error(raised)
        if error.code is not grpc.StatusCode.UNAVAILABLE or not self.options.http_proxy:
            return error
        way = f" (by way of the proxy {proxy_address(self.options.http_proxy)})"
        return EldrError(error.code, error.message + way)
