"""What a client, its streams and its lease keepers share: the channel and how calls are made."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import grpc

from eldr._channels import Channels, was_closed
from eldr._methods import Request, Response, Unary
from eldr._retry import Environment
from eldr.options import Options

_READY = grpc.ChannelConnectivity.READY.value[0]


class Connection:
    """Thread-safe. Does not connect before the first call."""

    def __init__(self, options: Options, environment: Environment) -> None:
        self._lock = threading.Lock()
        self._channels: Channels[grpc.Channel] = Channels(
            options, environment, grpc, lambda channel: channel.close()
        )
        self.environment = environment
        self.token = self._channels.token

    def channel(self) -> grpc.Channel:
        with self._lock:
            return self._channels.current()

    def close(self) -> None:
        """Calls and streams that are under way are cancelled."""
        with self._lock:
            for channel in self._channels.close():
                channel.close()

    def call(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        """A list brings all its pages, unless the request asks for one."""
        if not method.paged:
            return self._call(method, request, timeout)
        pages = self._channels.pages(method, request, timeout)
        while pages.request is not None:
            pages.add(self._call(method, pages.request, pages.remaining()))
        return pages.result

    def _call(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        attempts = self._channels.attempts(method, request, timeout)
        while True:
            with self._lock:
                stub = self._channels.stub(method)
            metadata = self.token.metadata()
            try:
                return cast(Response, stub(request, timeout=attempts.remaining, metadata=metadata))
            except grpc.RpcError as raised:
                error = self._channels.error_of(raised)
            except ValueError:  # gRPC's word for a channel that was closed just now
                raise was_closed() from None
            self._pause(attempts.pause_after(error))
            attempts.check_time(error)

    def _pause(self, seconds: float) -> None:
        """Waits, but no longer than until a connection that was lost stands again."""
        deadline = time.monotonic() + seconds
        # gRPC's public way to watch a channel is a thread of its own that breaks, with a traceback
        # on standard error, when the channel is closed while it looks.
        core: Any = getattr(self._channels.newest, "_channel", None)
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
