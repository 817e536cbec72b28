from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

import eldr
from eldr import v1
from support.both import KINDS, with_client
from support.fake_daemon import FailureError, FakeDaemon

both = pytest.mark.parametrize("kind", KINDS)


def options(daemon: FakeDaemon) -> eldr.Options:
    return eldr.Options(target=daemon.target)


def place_each(requests: Iterator[Any]) -> Iterator[Any]:
    for request in requests:
        if request.place.request_id == "bad":
            error = v1.ElementError(code=5, message="no such model")
            yield v1.StreamPlacementsResponse(id=request.id, error=error)
        else:
            placed = v1.PlaceResponse(lease_id=request.id * 10)
            yield v1.StreamPlacementsResponse(id=request.id, placed=placed)


@both
def test_numbers_requests_and_goes_on_after_a_refused_one(daemon: FakeDaemon, kind: str) -> None:
    daemon.streams["StreamPlacements"] = place_each

    async def body(client: Any) -> None:
        stream = client.stream_placements()
        for name, number in (("a", 1), ("bad", 2), ("b", 3)):
            assert await stream.send(v1.PlaceRequest(request_id=name)) == number
        replies = [await stream.receive() for _ in range(3)]
        assert [reply.id for reply in replies] == [1, 2, 3]
        assert replies[0].result().lease_id == 10
        with pytest.raises(eldr.RefusedError, match="NOT_FOUND: no such model"):
            replies[1].result()
        assert replies[2].result().lease_id == 30
        await stream.finish()
        assert await stream.receive() is None
        with pytest.raises(eldr.EldrError, match="close_send"):
            await stream.send(v1.PlaceRequest())

    with_client(kind, options(daemon), body)


@both
def test_a_wait_that_ends_leaves_the_stream_as_it_is(daemon: FakeDaemon, kind: str) -> None:
    go = threading.Event()

    def late(requests: Iterator[Any]) -> Iterator[Any]:
        for request in requests:
            go.wait(20)
            yield v1.StreamHeartbeatsResponse(id=request.id, taken=v1.HeartbeatResponse(leases=4))

    daemon.streams["StreamHeartbeats"] = late

    async def body(client: Any) -> None:
        stream = client.stream_heartbeats()
        await stream.send(v1.HeartbeatRequest())
        with pytest.raises(TimeoutError):
            await stream.receive(0.05)
        go.set()
        reply = await stream.receive(20)
        assert reply.result().leases == 4
        await stream.finish()

    with_client(kind, options(daemon), body)


@both
def test_tells_what_broke_it(daemon: FakeDaemon, kind: str) -> None:
    def broken(requests: Iterator[Any]) -> Iterator[Any]:
        request = next(requests)
        yield v1.StreamSignaturesResponse(id=request.id, stored=v1.PushSignatureResponse(tokens=3))
        raise FailureError(grpc.StatusCode.UNAVAILABLE, "shutting down")

    daemon.streams["StreamSignatures"] = broken

    async def body(client: Any) -> None:
        stream = client.stream_signatures()
        await stream.send(v1.PushSignatureRequest())
        assert (await stream.receive()).result().tokens == 3
        for _ in range(2):
            with pytest.raises(eldr.EldrError, match="UNAVAILABLE: shutting down"):
                await stream.receive()
        with pytest.raises(eldr.EldrError, match="UNAVAILABLE"):
            await stream.send(v1.PushSignatureRequest())

    with_client(kind, options(daemon), body)


@both
def test_cancel_ends_it_at_once(daemon: FakeDaemon, kind: str) -> None:
    daemon.streams["StreamPlacements"] = place_each

    async def body(client: Any) -> None:
        stream = client.stream_placements()
        await stream.send(v1.PlaceRequest())
        await stream.receive()
        stream.cancel()
        with pytest.raises(eldr.EldrError) as cancelled:
            await stream.receive()
        assert cancelled.value.code is grpc.StatusCode.CANCELLED

    with_client(kind, options(daemon), body)


@both
def test_opening_never_fails_and_the_first_receive_tells(kind: str) -> None:
    async def body(client: Any) -> None:
        stream = client.stream_placements()
        with pytest.raises(eldr.EldrError) as away:
            await stream.receive()
        assert away.value.code is grpc.StatusCode.UNAVAILABLE

    with_client(kind, eldr.Options(target="unix:/does/not/exist"), body)
