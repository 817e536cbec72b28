"""As `_connection`, for asyncio: made and used in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

import grpc

from eldr._channels import Channels, was_closed
from eldr._methods import Request, Response, Unary
from eldr._retry import Environment
from eldr.options import Options


class Connection:
    """Does not connect before the first call."""

    def __init__(self, options: Options, environment: Environment) -> None:
        self._channels: Channels[grpc.aio.Channel] = Channels(
            options, environment, grpc.aio, self._retire
        )
        self._closing: set[asyncio.Task[None]] = set()
        self.environment = environment
        self.token = self._channels.token

    def channel(self) -> grpc.aio.Channel:
        return self._channels.current()

    async def close(self) -> None:
        """Calls and streams that are under way are cancelled."""
        for channel in self._channels.close():
            await channel.close()

    async def call(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        """A list brings all its pages, unless the request asks for one."""
        if not method.paged:
            return await self._call(method, request, timeout)
        pages = self._channels.pages(method, request, timeout)
        while pages.request is not None:
            pages.add(await self._call(method, pages.request, pages.remaining()))
        return pages.result

    async def _call(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        attempts = self._channels.attempts(method, request, timeout)
        while True:
            stub = self._channels.stub(method)
            metadata = self.token.metadata()
            try:
                answer = await stub(request, timeout=attempts.remaining, metadata=metadata)
                return cast(Response, answer)
            except grpc.aio.AioRpcError as raised:
                error = self._channels.error_of(raised)
            except grpc.aio.UsageError:  # gRPC's word for a channel that was closed just now
                raise was_closed() from None
            await self._pause(attempts.pause_after(error))
            attempts.check_time(error)

    def _retire(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.get_running_loop().create_task(channel.close())
        self._closing.add(task)  # or nothing holds the task while it runs
        task.add_done_callback(self._closing.discard)

    async def _pause(self, seconds: float) -> None:
        """Waits, but no longer than until a connection that was lost stands again."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._reconnected(), seconds)

    async def _reconnected(self) -> None:
        channel = self._channels.newest
        lost = False
        while True:
            state = channel.get_state(try_to_connect=True)
            if state is grpc.ChannelConnectivity.READY and lost:
                return
            lost = lost or state is not grpc.ChannelConnectivity.READY
            await channel.wait_for_state_change(state)
