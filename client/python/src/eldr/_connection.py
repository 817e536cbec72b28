"""What a client, its streams and its lease keepers share: the channel and all that hangs on it."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import grpc

from eldr._credentials import TokenSource, tls_source
from eldr._methods import Request, Response, Unary
from eldr._retry import Attempts, Environment
from eldr.errors import EldrError, from_rpc_error
from eldr.options import Options, channel_arguments, proxy_address

# How many channels with replaced credentials are kept for the streams that run on them.
MAX_RETIRED = 2


def was_closed() -> EldrError:
    return EldrError(grpc.StatusCode.FAILED_PRECONDITION, "the client was closed")


def with_proxy(error: EldrError, options: Options) -> EldrError:
    """Names the proxy where the daemon was not reached by way of one."""
    if error.code is not grpc.StatusCode.UNAVAILABLE or not options.http_proxy:
        return error
    way = f" (by way of the proxy {proxy_address(options.http_proxy)})"
    return EldrError(error.code, error.message + way)


_READY = grpc.ChannelConnectivity.READY.value[0]


class Connection:
    """Thread-safe. Does not connect before the first call."""

    def __init__(self, options: Options, environment: Environment) -> None:
        options.check()
        self.options = options
        self.environment = environment
        self.token = TokenSource(options.token_file)
        self._tls = tls_source(options, environment.now)
        self._lock = threading.Lock()
        self._channel = self._open(self._tls.load() if self._tls else None)
        self._retired: list[grpc.Channel] = []
        self._closed = False
        self._stubs: dict[str, Any] = {}

    def _open(self, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
        arguments = channel_arguments(self.options)
        if credentials is None:
            return grpc.insecure_channel(self.options.target, arguments)
        return grpc.secure_channel(self.options.target, credentials, arguments)

    def channel(self) -> grpc.Channel:
        with self._lock:
            if self._closed:
                raise was_closed()
            self._renew_channel()
            return self._channel

    def close(self) -> None:
        """Calls and streams that are under way are cancelled."""
        with self._lock:
            self._closed = True
            for channel in (*self._retired, self._channel):
                channel.close()

    def call(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        attempts = Attempts(
            self.options.retry,
            method.repeatable(request),
            self.options.timeout if timeout is None else timeout,
            self.environment,
        )
        while True:
            stub = self._stub(method)
            try:
                return cast(
                    Response,
                    stub(request, timeout=attempts.remaining, metadata=self.token.metadata()),
                )
            except grpc.RpcError as raised:
                error = with_proxy(from_rpc_error(raised), self.options)
            except ValueError:  # gRPC's word for a channel that was closed just now
                raise was_closed() from None
            self._pause(attempts.pause_after(error))
            attempts.check_time(error)

    def _stub(self, method: Unary[Request, Response]) -> Any:
        with self._lock:
            if self._closed:
                raise was_closed()
            self._renew_channel()
            stub = self._stubs.get(method.path)
            if stub is None:
                stub = self._channel.unary_unary(
                    method.path,
                    request_serializer=method.request.SerializeToString,
                    response_deserializer=method.response.FromString,
                )
                self._stubs[method.path] = stub
            return stub

    def _renew_channel(self) -> None:
        credentials = self._tls.reload() if self._tls else None
        if credentials is None:
            return
        self._retired.append(self._channel)
        self._channel = self._open(credentials)
        self._stubs.clear()
        while len(self._retired) > MAX_RETIRED:
            self._retired.pop(0).close()

    def _pause(self, seconds: float) -> None:
        """Waits, but no longer than until a connection that was lost stands again."""
        deadline = time.monotonic() + seconds
        # gRPC's public way to watch a channel is a thread of its own that breaks, with a traceback
        # on standard error, when the channel is closed while it looks.
        core: Any = getattr(self._channel, "_channel", None)
        lost = False
        try:
            while (left := deadline - time.monotonic()) > 0:
                state = core.check_connectivity_state(True)
                if state == _READY and lost:
                    return
                lost = lost or state != _READY
                core.watch_connectivity_state(state, time.time() + left)
        except (AttributeError, ValueError):  # another gRPC, or the client was closed
            time.sleep(max(0.0, deadline - time.monotonic()))
