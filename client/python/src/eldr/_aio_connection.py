"""As `_connection`, for asyncio: made and used in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import grpc

from eldr._connection import MAX_RETIRED, was_closed, with_proxy
from eldr._credentials import TokenSource, tls_source
from eldr._methods import Request, Response, Unary
from eldr._retry import Attempts, Environment
from eldr.errors import from_rpc_error
from eldr.options import Options, channel_arguments


class Connection:
    """Does not connect before the first call."""

    def __init__(self, options: Options, environment: Environment) -> None:
        options.check()
        self.options = options
        self.environment = environment
        self.token = TokenSource(options.token_file)
        self._tls = tls_source(options, environment.now)
        self._channel = self._open(self._tls.load() if self._tls else None)
        self._retired: list[grpc.aio.Channel] = []
        self._closed = False
        self._closing: set[asyncio.Task[None]] = set()
        self._stubs: dict[str, Any] = {}

    def _open(self, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
        arguments = channel_arguments(self.options)
        if credentials is None:
            return grpc.aio.insecure_channel(self.options.target, arguments)
        return grpc.aio.secure_channel(self.options.target, credentials, arguments)

    def channel(self) -> grpc.aio.Channel:
        if self._closed:
            raise was_closed()
        self._renew_channel()
        return self._channel

    async def close(self) -> None:
        """Calls and streams that are under way are cancelled."""
        self._closed = True
        for channel in (*self._retired, self._channel):
            await channel.close()

    async def call(
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
                    await stub(request, timeout=attempts.remaining, metadata=self.token.metadata()),
                )
            except grpc.aio.AioRpcError as raised:
                error = with_proxy(from_rpc_error(raised), self.options)
            except grpc.aio.UsageError:  # gRPC's word for a channel that was closed just now
                raise was_closed() from None
            await self._pause(attempts.pause_after(error))
            attempts.check_time(error)

    def _stub(self, method: Unary[Request, Response]) -> Any:
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
            task = asyncio.get_running_loop().create_task(self._retired.pop(0).close())
            self._closing.add(task)  # or nothing holds the task while it runs
            task.add_done_callback(self._closing.discard)

    async def _pause(self, seconds: float) -> None:
        """Waits, but no longer than until a connection that was lost stands again."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._reconnected(), seconds)

    async def _reconnected(self) -> None:
        channel = self._channel
        lost = False
        while True:
            state = channel.get_state(try_to_connect=True)
            if state is grpc.ChannelConnectivity.READY and lost:
                return
            lost = lost or state is not grpc.ChannelConnectivity.READY
            await channel.wait_for_state_change(state)
