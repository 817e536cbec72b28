"""As `_streams`, for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, Generic

import grpc

from eldr._methods import Bidi
from eldr._streams import Reply, Request, Response, closed, ended, envelope, reply_of
from eldr.errors import EldrError, from_rpc_error


class Stream(Generic[Request, Response]):
    """An open stream.

        async with client.stream_placements() as stream:
            number = await stream.send(request)
            reply = await stream.receive()
            if reply is not None and reply.id == number:
                use(reply.result())

    One task may send while another receives; two may not do the same at once. Whoever sends
    thousands of requests ahead must receive meanwhile, or both sides wait for buffer space. Leaving
    the `async with` block cancels the stream.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        method: Bidi[Request, Response],
        timeout: float | None,
        metadata: tuple[tuple[str, str], ...],
    ) -> None:
        self._method = method
        self._last = 0
        self._closed = False
        self._has_ended = False
        self._end: EldrError | None = None
        self._reading: asyncio.Task[Any] | None = None
        stub: Any = channel.stream_stream(
            method.path,
            request_serializer=method.envelope.SerializeToString,
            response_deserializer=method.answer.FromString,
        )
        self._call = stub(timeout=timeout, metadata=metadata)

    async def send(self, request: Request) -> int:
        """Returns the number that the reply will carry: 1, 2, 3 and so on.

        Raises EldrError once the stream has ended.
        """
        if self._closed:
            raise closed()
        self._last += 1
        number = self._last
        try:
            await self._call.write(envelope(self._method, number, request))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise self._end or ended() from None
        return number

    async def receive(self, timeout: float | None = None) -> Reply[Response] | None:
        """Waits for the next reply. None: the daemon answered all and ended the stream.

        Raises TimeoutError if none came in `timeout` seconds, after which the stream goes on, and
        EldrError if the stream broke (UNAVAILABLE when the daemon shuts down); requests without a
        reply may or may not have been carried out.
        """
        if self._has_ended:
            if self._end is not None:
                raise self._end
            return None
        # A task of its own: a read that is given up would end the stream.
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())
            # Nobody may ask for the result any more, as after cancel(): that is no fault to print.
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        done, _ = await asyncio.wait({self._reading}, timeout=timeout)
        if not done:
            raise TimeoutError(f"no reply in {timeout} s")
        reading, self._reading = self._reading, None
        return reading.result()  # type: ignore[no-any-return]

    async def close_send(self) -> None:
        """Says that no more is sent. The daemon then ends the stream after its last reply."""
        if not self._closed:
            self._closed = True
            if not self._call.done():
                await self._call.done_writing()

    async def finish(self) -> None:
        """Closes the sending side and drops the replies left; raises what broke the stream."""
        await self.close_send()
        while await self.receive() is not None:
            pass

    def cancel(self) -> None:
        """Ends the stream at once; a waiting `receive()` raises CANCELLED."""
        self._closed = True
        self._call.cancel()

    async def __aenter__(self) -> Stream[Request, Response]:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        if self._reading is not None:
            await asyncio.wait({self._reading})

    async def _read(self) -> Reply[Response] | None:
        end: EldrError | None = None
        try:
            answer = await self._call.read()
            if answer is not grpc.aio.EOF:
                return reply_of(self._method, answer)
            code = await self._call.code()
            if code is not grpc.StatusCode.OK:
                end = EldrError(code, await self._call.details() or "")
        except grpc.aio.AioRpcError as error:
            end = from_rpc_error(error)
        except asyncio.CancelledError:
            # What gRPC raises here after cancel(); this task itself is cancelled by nobody.
            end = EldrError(grpc.StatusCode.CANCELLED, "the stream was cancelled")
        self._has_ended, self._end = True, end
        if end is not None:
            raise end
        return None
