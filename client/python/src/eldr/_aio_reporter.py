"""As `reporter`, for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import grpc

from eldr import v1
from eldr._aio_streams import Stream
from eldr._reports import Beat, Drain, Load, Register, Reports, Status
from eldr._streams import ended
from eldr.errors import EldrError, RefusedError

if TYPE_CHECKING:
    from eldr.aio import Client

_log = logging.getLogger("eldr.reporter")

HeartbeatStream: TypeAlias = Stream[v1.HeartbeatRequest, v1.HeartbeatResponse]


class NodeReporter:
    """Reports one node as `eldr.NodeReporter` does, in a task in the place of a thread.

    async with eldr.aio.NodeReporter(client, eldr.node_spec(...), load):
        ...  # serve
    """

    def __init__(
        self,
        client: Client,
        spec: v1.NodeSpec,
        load: Callable[[], Load],
        *,
        stream: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """ValueError if the spec has no incarnation or heartbeat interval."""
        self._client = client
        self._reports = Reports(spec, load)
        self._streaming = stream
        self._stream: HeartbeatStream | None = None
        self._now = now
        self._rounds = asyncio.Lock()
        self._woken = asyncio.Event()
        self._stop = False
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> Status:
        return self._reports.status

    async def step(self) -> float:
        """One act; seconds to wait before the next. See `eldr.NodeReporter.step`."""
        async with self._rounds:
            act = self._reports.next(self._now())
            if isinstance(act, float):
                return act
            try:
                response = await self._perform(act)
            except EldrError as error:
                self._reports.failed(act, error, self._now())
            else:
                self._reports.done(act, response, self._now())
            return self._reports.due_in(self._now())

    def start(self) -> NodeReporter:
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def drain(self) -> None:
        """The node takes no new placements from the next round on, which is at once."""
        async with self._rounds:
            self._reports.drain()
        self._woken.set()

    async def wait_until_empty(self, timeout: float) -> bool:
        """As `eldr.NodeReporter.wait_until_empty`."""
        deadline = self._now() + timeout
        while self._now() < deadline:
            if self._reports.is_empty():
                return True
            await asyncio.sleep(min(0.05, self._reports.interval))
        return False

    async def close(self, *, leave: bool = True) -> None:
        """As `eldr.NodeReporter.close`."""
        self._stop = True
        self._woken.set()
        if self._task is not None:
            await self._task
        self._drop_stream()
        if leave and self.status.registered and not self.status.superseded:
            try:
                await self._client.remove_node(v1.RemoveNodeRequest(node_id=self._reports.node_id))
            except EldrError as error:
                _log.warning("node %s: not removed: %s", self._reports.node_id, error)

    async def __aenter__(self) -> NodeReporter:
        return self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self) -> None:
        while not self._stop:
            wait = await self.step()
            with contextlib.suppress(asyncio.TimeoutError):  # then something is due
                await asyncio.wait_for(self._woken.wait(), wait)
            self._woken.clear()

    async def _perform(
        self, act: Register | Drain | Beat
    ) -> v1.RegisterNodeResponse | v1.DrainNodeResponse | v1.HeartbeatResponse:
        if isinstance(act, Register):
            return await self._client.register_node(act.request)
        if isinstance(act, Drain):
            return await self._client.drain_node(act.request)
        if not self._streaming:
            return await self._client.heartbeat(act.request, timeout=self._reports.patience)
        try:
            return await self._beat(act.request)
        except EldrError as error:
            if not isinstance(error, RefusedError):
                self._drop_stream()
            raise

    async def _beat(self, request: v1.HeartbeatRequest) -> v1.HeartbeatResponse:
        stream, number = await self._send(request)
        try:
            while (reply := await stream.receive(self._reports.patience)) is not None:
                if reply.id == number:
                    return reply.result()
        except TimeoutError as error:
            raise EldrError(grpc.StatusCode.DEADLINE_EXCEEDED, str(error)) from None
        raise ended()

    async def _send(self, request: v1.HeartbeatRequest) -> tuple[HeartbeatStream, int]:
        """A stream that ended since the last heartbeat has not taken this one: by a new one."""
        if self._stream is not None:
            with contextlib.suppress(EldrError):
                return self._stream, await self._stream.send(request)
        self._drop_stream()
        self._stream = self._client.stream_heartbeats()
        return self._stream, await self._stream.send(request)

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None
