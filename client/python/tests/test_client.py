from __future__ import annotations

import asyncio
import re
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

import eldr
import eldr.aio
from eldr import _methods, v1
from support.both import KINDS, with_client
from support.fake_daemon import FakeDaemon, fail

both = pytest.mark.parametrize("kind", KINDS)

UNARY = {
    value.path.rsplit("/", 1)[1]: value
    for value in vars(_methods).values()
    if isinstance(value, _methods.Unary) and "Watch" not in value.path
}


def quick(daemon: FakeDaemon, **more: Any) -> eldr.Options:
    retry = eldr.RetryOptions(initial_backoff=0.01, max_backoff=0.02)
    return eldr.Options(target=daemon.target, retry=retry, **more)


def python_name(name: str) -> str:
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


@both
@pytest.mark.parametrize("name", sorted(UNARY))
def test_has_a_method_for_each_call(daemon: FakeDaemon, kind: str, name: str) -> None:
    async def body(client: Any) -> None:
        answer = await getattr(client, python_name(name))(UNARY[name].request())
        assert isinstance(answer, UNARY[name].response)

    with_client(kind, quick(daemon), body)
    assert daemon.names() == [name]


def test_knows_every_call_of_the_services() -> None:
    services = (v1.models_pb2.DESCRIPTOR, v1.fleet_pb2.DESCRIPTOR, v1.placement_pb2.DESCRIPTOR)
    declared = {
        f"/{service.full_name}/{method.name}"
        for file in services
        for service in file.services_by_name.values()
        for method in service.methods
    }
    known = {
        value.path
        for value in vars(_methods).values()
        if isinstance(value, _methods.Unary | _methods.Bidi)
    }
    assert known == declared


@both
def test_retries_while_the_daemon_is_unavailable(daemon: FakeDaemon, kind: str) -> None:
    away = fail(grpc.StatusCode.UNAVAILABLE)
    daemon.answers["Place"] = [away, away, lambda _: v1.PlaceResponse(lease_id=7)]

    async def body(client: Any) -> None:
        placed = await client.place(v1.PlaceRequest(model="m", request_id="r"))
        assert placed.lease_id == 7

    with_client(kind, quick(daemon), body)
    assert daemon.names() == ["Place"] * 3
    assert all(request.request_id == "r" for _, request in daemon.calls)


@both
def test_gives_up_after_the_last_attempt(daemon: FakeDaemon, kind: str) -> None:
    daemon.answers["Place"] = fail(grpc.StatusCode.UNAVAILABLE, "shutting down")

    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError) as failed:
            await client.place(v1.PlaceRequest())
        assert failed.value.code is grpc.StatusCode.UNAVAILABLE
        assert str(failed.value) == "UNAVAILABLE: shutting down"

    with_client(kind, quick(daemon), body)
    assert len(daemon.calls) == 4


@both
@pytest.mark.parametrize(
    ("name", "request_message", "attempts"),
    [
        ("heartbeat", v1.HeartbeatRequest(steps=[v1.StepStats(max_batch=1)]), 1),
        ("heartbeat", v1.HeartbeatRequest(), 4),
        ("push_signature", v1.PushSignatureRequest(append=True), 1),
        ("push_signature", v1.PushSignatureRequest(append=True, append_at=0), 4),
        ("push_signature", v1.PushSignatureRequest(), 4),
    ],
)
def test_repeats_only_what_would_not_count_twice(
    daemon: FakeDaemon, kind: str, name: str, request_message: Any, attempts: int
) -> None:
    for call in ("Heartbeat", "PushSignature"):
        daemon.answers[call] = fail(grpc.StatusCode.UNAVAILABLE)

    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError):
            await getattr(client, name)(request_message)

    with_client(kind, quick(daemon), body)
    assert len(daemon.calls) == attempts


@both
def test_passes_other_errors_on_at_once(daemon: FakeDaemon, kind: str) -> None:
    daemon.answers["Place"] = fail(grpc.StatusCode.INVALID_ARGUMENT, 'model: got ""')

    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError, match='INVALID_ARGUMENT: model: got ""'):
            await client.place(v1.PlaceRequest())

    with_client(kind, quick(daemon), body)
    assert len(daemon.calls) == 1


@both
def test_the_timeout_bounds_a_call(daemon: FakeDaemon, kind: str) -> None:
    release = threading.Event()

    def slow(_: Any) -> v1.PlaceResponse:
        release.wait(20)
        return v1.PlaceResponse()

    daemon.answers["Place"] = slow

    async def body(client: Any) -> None:
        started = time.monotonic()
        with pytest.raises(eldr.EldrError) as failed:
            await client.place(v1.PlaceRequest(), timeout=1.0)
        assert failed.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - started < 10
        release.set()
        await client.list_nodes(v1.ListNodesRequest())

    with_client(kind, quick(daemon, timeout=33.0), body)
    assert daemon.deadlines[0] < 2
    assert 25 < daemon.deadlines[1] < 34


@both
def test_finds_a_daemon_that_comes_back_during_a_pause(kind: str) -> None:
    with FakeDaemon() as daemon:
        port = daemon.port
        # The second attempt would come after 8 s at least: only the connection ends the pause.
        retry = eldr.RetryOptions(initial_backoff=16.0, max_backoff=16.0)
        options = eldr.Options(target=daemon.target, retry=retry, timeout=30)
        # The reconnecting is gRPC's and has the same pace, so the test shortens it.
        started = 0.0
        back: list[FakeDaemon] = []

        async def body(client: Any) -> None:
            nonlocal started
            await client.list_models(v1.ListModelsRequest())
            await asyncio.to_thread(daemon.stop)
            call = asyncio.ensure_future(client.list_models(v1.ListModelsRequest()))
            await asyncio.sleep(0.3)
            back.append(FakeDaemon(f"127.0.0.1:{port}"))
            started = time.monotonic()
            await call

        shortened = {
            "grpc.initial_reconnect_backoff_ms": 50,
            "grpc.max_reconnect_backoff_ms": 100,
            "grpc.min_reconnect_backoff_ms": 100,
        }
        try:
            with_client_arguments(kind, options, body, shortened)
            assert time.monotonic() - started < 5
        finally:
            for one in back:
                one.stop()


def with_client_arguments(
    kind: str, options: eldr.Options, body: Any, shortened: dict[str, int]
) -> None:
    from eldr import _channels
    from eldr.options import channel_arguments as plain

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _channels,
            "channel_arguments",
            lambda asked: [*({**dict(plain(asked)), **shortened}).items()],
        )
        with_client(kind, options, body)


@both
def test_says_so_when_it_was_closed(daemon: FakeDaemon, kind: str) -> None:
    async def body(client: Any) -> None:
        await client.close()
        for _ in range(2):
            with pytest.raises(eldr.EldrError, match="the client was closed"):
                await client.place(v1.PlaceRequest())
        with pytest.raises(eldr.EldrError, match="the client was closed"):
            client.stream_placements()

    with_client(kind, quick(daemon), body)
    assert not daemon.calls


@both
def test_shows_its_token(daemon: FakeDaemon, kind: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame\n")

    async def body(client: Any) -> None:
        await client.list_models(v1.ListModelsRequest())

    with_client(kind, quick(daemon, token_file=str(token)), body)
    assert daemon.metadata[0]["authorization"] == "Bearer sesame"


def test_cancelling_a_call_of_asyncio_cancels_it(daemon: FakeDaemon) -> None:
    release = threading.Event()
    daemon.answers["Place"] = lambda _: release.wait(20) and v1.PlaceResponse()

    async def body() -> None:
        async with eldr.aio.Client(quick(daemon)) as client:
            call = asyncio.ensure_future(client.place(v1.PlaceRequest()))
            await asyncio.sleep(0.1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(body())
    release.set()


@both
def test_refuses_an_answer_that_is_too_large(daemon: FakeDaemon, kind: str) -> None:
    daemon.answers["GetResidency"] = lambda _: v1.GetResidencyResponse(activation=[1.0] * 1000)

    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError) as failed:
            await client.get_residency(v1.GetResidencyRequest())
        assert failed.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED

    with_client(kind, quick(daemon, max_receive_bytes=1000), body)


def test_watches_placements_until_it_is_closed(daemon: FakeDaemon) -> None:
    daemon.streams["WatchPlacements"] = lambda _: (
        v1.WatchPlacementsResponse(request_id=str(number)) for number in range(10**9)
    )
    with eldr.Client(quick(daemon)) as client:
        placements = client.watch_placements(v1.WatchPlacementsRequest())
        assert [next(placements).request_id for _ in range(3)] == ["0", "1", "2"]
        placements.close()  # type: ignore[attr-defined]

    async def body() -> None:
        seen = []
        async with eldr.aio.Client(quick(daemon)) as client:
            async for placement in client.watch_placements(v1.WatchPlacementsRequest()):
                seen.append(placement.request_id)
                if len(seen) == 3:
                    break
        assert seen == ["0", "1", "2"]

    asyncio.run(body())


def test_watching_raises_what_ends_it(daemon: FakeDaemon) -> None:
    def broken(_: Any) -> Any:
        yield v1.WatchPlacementsResponse()
        fail(grpc.StatusCode.UNAVAILABLE, "shutting down")(None)

    daemon.streams["WatchPlacements"] = broken
    with eldr.Client(quick(daemon)) as client:
        placements = client.watch_placements(v1.WatchPlacementsRequest())
        next(placements)
        with pytest.raises(eldr.EldrError, match="UNAVAILABLE: shutting down"):
            next(placements)
