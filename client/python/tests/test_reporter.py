from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import grpc
import pytest

import eldr
import eldr.aio
from eldr import v1
from support.both import KINDS, Threaded
from support.clock import FakeClock
from support.fake_daemon import FailureError, FakeDaemon, fail
from support.real_daemon import wait_until

both = pytest.mark.parametrize("kind", KINDS)


def with_reporter(
    kind: str, daemon: FakeDaemon, body: Callable[[Any], Awaitable[None]], **more: Any
) -> None:
    options = eldr.Options(target=daemon.target, retry=eldr.RetryOptions(max_attempts=1))
    spec = eldr.node_spec("d0", "m", "10.0.0.1:8000", heartbeat_interval=0.05)
    load = more.pop("load", lambda: eldr.Load(running=1, running_request_ids=["a"], complete=True))

    async def run() -> None:
        if kind == "asyncio":
            async with eldr.aio.Client(options) as client:
                reporter = eldr.aio.NodeReporter(client, spec, load, **more)
                await body(reporter)
                await reporter.close(leave=False)
        else:
            with eldr.Client(options) as client:
                wrapped = Threaded(eldr.NodeReporter(client, spec, load, **more))
                await body(wrapped)
                await wrapped.close(leave=False)

    asyncio.run(asyncio.wait_for(run(), 60))


class Heartbeats:
    """The heartbeat stream of a daemon; `results` answer one message each, OK when used up."""

    def __init__(self, daemon: FakeDaemon, *results: Any) -> None:
        self.got: list[v1.HeartbeatRequest] = []
        self.opened = 0
        self._results = list(results)
        daemon.streams["StreamHeartbeats"] = self._answer

    def _answer(self, requests: Iterator[Any]) -> Iterator[Any]:
        self.opened += 1
        for request in requests:
            self.got.append(request.heartbeat)
            result = self._results.pop(0) if self._results else v1.HeartbeatResponse(leases=2)
            if isinstance(result, Exception):
                raise result
            if isinstance(result, v1.ElementError):
                yield v1.StreamHeartbeatsResponse(id=request.id, error=result)
            elif result is not None:
                yield v1.StreamHeartbeatsResponse(id=request.id, taken=result)


NOT_KNOWN = v1.ElementError(code=5, message="node d0 is not registered")


@both
def test_registers_and_beats_over_one_stream(daemon: FakeDaemon, kind: str) -> None:
    heartbeats, clock = Heartbeats(daemon), FakeClock()

    async def body(reporter: Any) -> None:
        assert await reporter.step() == 0
        for _ in range(3):
            assert await reporter.step() == pytest.approx(0.05)
            assert await reporter.step() == pytest.approx(0.05)  # not due: nothing is sent
            clock.advance(0.05)
        assert reporter.status.leases == 2

    with_reporter(kind, daemon, body, now=clock)
    assert daemon.names() == ["RegisterNode"]
    assert heartbeats.opened == 1
    assert [list(beat.running_request_ids) for beat in heartbeats.got] == [["a"]] * 3
    assert all(beat.complete_list for beat in heartbeats.got)


@both
def test_beats_by_calls_if_asked(daemon: FakeDaemon, kind: str) -> None:
    async def body(reporter: Any) -> None:
        await reporter.step()
        await reporter.step()

    with_reporter(kind, daemon, body, stream=False)
    assert daemon.names() == ["RegisterNode", "Heartbeat"]


@both
def test_registers_anew_on_the_same_stream_when_it_is_not_known(
    daemon: FakeDaemon, kind: str
) -> None:
    heartbeats, clock = Heartbeats(daemon, v1.HeartbeatResponse(), NOT_KNOWN), FakeClock()

    async def body(reporter: Any) -> None:
        for _ in range(5):
            clock.advance(await reporter.step())

    with_reporter(kind, daemon, body, now=clock)
    assert daemon.names() == ["RegisterNode"] * 2
    assert heartbeats.opened == 1
    assert len(heartbeats.got) == 3


@both
def test_opens_a_new_stream_after_one_broke(daemon: FakeDaemon, kind: str) -> None:
    broken = FailureError(grpc.StatusCode.UNAVAILABLE, "shutting down")
    heartbeats, clock = Heartbeats(daemon, broken), FakeClock()

    async def body(reporter: Any) -> None:
        await reporter.step()
        clock.advance(await reporter.step())
        assert reporter.status.error.code is grpc.StatusCode.UNAVAILABLE
        await reporter.step()
        assert reporter.status.error is None

    with_reporter(kind, daemon, body, now=clock)
    assert heartbeats.opened == 2


@both
def test_gives_a_stream_up_that_does_not_answer(daemon: FakeDaemon, kind: str) -> None:
    heartbeats, clock = Heartbeats(daemon, None), FakeClock()

    async def body(reporter: Any) -> None:
        await reporter.step()
        clock.advance(await reporter.step())
        assert reporter.status.error.code is grpc.StatusCode.DEADLINE_EXCEEDED
        await reporter.step()
        assert reporter.status.error is None

    with_reporter(kind, daemon, body, now=clock)
    assert heartbeats.opened == 2


@both
def test_goes_on_while_the_daemon_is_away(kind: str) -> None:
    with FakeDaemon() as daemon:
        heartbeats, clock = Heartbeats(daemon), FakeClock()
        daemon.answers["RegisterNode"] = [fail(grpc.StatusCode.UNAVAILABLE)]

        async def body(reporter: Any) -> None:
            assert await reporter.step() == 1.0
            assert not reporter.status.registered
            clock.advance(1.0)
            await reporter.step()
            await reporter.step()
            assert reporter.status.registered

        with_reporter(kind, daemon, body, now=clock)
        assert len(heartbeats.got) == 1


def test_runs_drains_empties_and_leaves_by_itself(daemon: FakeDaemon) -> None:
    heartbeats = Heartbeats(daemon)
    busy = [eldr.Load(running=1)]
    spec = eldr.node_spec("d0", "m", "10.0.0.1:8000", heartbeat_interval=0.02)
    with (
        eldr.Client(eldr.Options(target=daemon.target)) as client,
        eldr.NodeReporter(client, spec, lambda: busy[0]) as reporter,
    ):
        wait_until(lambda: len(heartbeats.got) >= 3)
        reporter.drain()
        wait_until(lambda: "DrainNode" in daemon.names())
        assert not reporter.wait_until_empty(0.1)
        busy[0] = eldr.Load()
        assert reporter.wait_until_empty(10)
    assert daemon.names()[-1] == "RemoveNode"


def test_runs_drains_empties_and_leaves_in_asyncio(daemon: FakeDaemon) -> None:
    heartbeats = Heartbeats(daemon)
    busy = [eldr.Load(running=1)]
    spec = eldr.node_spec("d0", "m", "10.0.0.1:8000", heartbeat_interval=0.02)

    async def body() -> None:
        async with (
            eldr.aio.Client(eldr.Options(target=daemon.target)) as client,
            eldr.aio.NodeReporter(client, spec, lambda: busy[0]) as reporter,
        ):
            await asyncio.to_thread(wait_until, lambda: len(heartbeats.got) >= 3)
            await reporter.drain()
            await asyncio.to_thread(wait_until, lambda: "DrainNode" in daemon.names())
            assert not await reporter.wait_until_empty(0.1)
            busy[0] = eldr.Load()
            assert await reporter.wait_until_empty(10)

    asyncio.run(body())
    assert daemon.names()[-1] == "RemoveNode"


def test_a_node_that_may_not_remove_itself_ends_all_the_same(daemon: FakeDaemon) -> None:
    Heartbeats(daemon)
    daemon.answers["RemoveNode"] = fail(grpc.StatusCode.PERMISSION_DENIED)
    spec = eldr.node_spec("d0", "m", "10.0.0.1:8000", heartbeat_interval=0.02)
    with (
        eldr.Client(eldr.Options(target=daemon.target)) as client,
        eldr.NodeReporter(client, spec, eldr.Load) as reporter,
    ):
        wait_until(lambda: reporter.status.registered)
    assert daemon.names() == ["RegisterNode", "RemoveNode"]
