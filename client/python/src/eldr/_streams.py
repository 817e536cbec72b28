"""The three bidirectional streams, typed: one request in, one reply out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from eldr._methods import Bidi
from eldr.errors import EldrError, from_number, from_rpc_error

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True)
class Reply(Generic[Response]):
    """What came of one request; `result()` raises the error of one that was refused."""

    # What `send()` returned for it.
    id: int
    response: Response | None
    error: EldrError | None

    def result(self) -> Response:
        if self.error is not None:
            raise self.error
        assert self.response is not None  # noqa: S101  one of the two is set
        return self.response


def envelope(method: Bidi[Request, Response], number: int, request: Request) -> Any:
    message = method.envelope(id=number)
    getattr(message, method.body).CopyFrom(request)
    return message


def reply_of(method: Bidi[Request, Response], answer: Any) -> Reply[Response]:
    if answer.HasField(method.success):
        return Reply(answer.id, getattr(answer, method.success), None)
    return Reply(answer.id, None, from_number(answer.error.code, answer.error.message))


def ended() -> EldrError:
    return EldrError(grpc.StatusCode.UNAVAILABLE, "the stream has ended; receive() tells why")


def closed() -> EldrError:
    return EldrError(grpc.StatusCode.FAILED_PRECONDITION, "close_send() was called")


class Stream(Generic[Request, Response]):
    """An open stream.

        with client.stream_placements() as stream:
            number = stream.send(request)
            reply = stream.receive()
            if reply is not None and reply.id == number:
                use(reply.result())

    The error of a refused request is in its reply; the stream goes on. Thread-safe. Replies that
    are not received are kept in memory. Leaving the `with` block cancels the stream.
    """

    def __init__(
        self,
        channel: grpc.Channel,
        method: Bidi[Request, Response],
        timeout: float | None,
        metadata: tuple[tuple[str, str], ...],
    ) -> None:
        self._method = method
        self._lock = threading.Lock()
        self._last = 0
        self._closed = False
        # None ends the sending side.
        self._out: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # Replies, then how the stream ended: an error, or None if it did so in order.
        self._in: queue.SimpleQueue[Reply[Response] | EldrError | None] = queue.SimpleQueue()
        self._has_ended = threading.Event()
        self._end: EldrError | None = None
        stub: Any = channel.stream_stream(
            method.path,
            request_serializer=method.envelope.SerializeToString,
            response_deserializer=method.answer.FromString,
        )
        self._call = stub(self._requests(), timeout=timeout, metadata=metadata)
        # A thread, as a read of gRPC's cannot be given up without ending the stream.
        threading.Thread(target=self._read, name="eldr-stream", daemon=True).start()

    def send(self, request: Request) -> int:
        """Returns the number that the reply will carry: 1, 2, 3 and so on.

        Raises EldrError once the stream has ended.
        """
        with self._lock:
            if self._closed:
                raise closed()
            if self._has_ended.is_set():
                raise self._end or ended()
            self._last += 1
            self._out.put(envelope(self._method, self._last, request))
            return self._last

    def receive(self, timeout: float | None = None) -> Reply[Response] | None:
        """Waits for the next reply. None: the daemon answered all and ended the stream.

        Raises TimeoutError if none came in `timeout` seconds, after which the stream goes on, and
        EldrError if the stream broke (UNAVAILABLE when the daemon shuts down); requests without a
        reply may or may not have been carried out.
        """
        try:
            item = self._in.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no reply in {timeout} s") from None
        if isinstance(item, Reply):
            return item
        self._in.put(item)  # for who asks again
        if item is not None:
            raise item
        return None

    def close_send(self) -> None:
        """Says that no more is sent. The daemon then ends the stream after its last reply."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._out.put(None)

    def finish(self) -> None:
        """Closes the sending side and drops the replies left; raises what broke the stream."""
        self.close_send()
        while self.receive() is not None:
            pass

    def cancel(self) -> None:
        """Ends the stream at once; a waiting `receive()` raises CANCELLED."""
        self._call.cancel()
        with self._lock:
            self._closed = True
            self._out.put(None)

    def __enter__(self) -> Stream[Request, Response]:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def _requests(self) -> Iterator[Any]:
        while (message := self._out.get()) is not None:
            yield message

    def _read(self) -> None:
        end: EldrError | None = None
        try:
            for answer in self._call:
                self._in.put(reply_of(self._method, answer))
        except grpc.RpcError as error:
            end = from_rpc_error(error)
        self._end = end
        self._has_ended.set()
        self._out.put(None)
        self._in.put(end)
