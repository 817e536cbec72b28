"""How a client goes on when its daemon moves, or vanishes without a word."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

import eldr
from eldr import v1
from support.both import KINDS, with_client
from support.fake_daemon import FakeDaemon
from support.relay import Relay

both = pytest.mark.parametrize("kind", KINDS)


def soon(target: str) -> eldr.Options:
    """Of a client that is quick to notice."""
    return eldr.Options(target=target, timeout=60, keepalive_time=1, keepalive_timeout=1)


def take_all(requests: Iterator[Any]) -> Iterator[Any]:
    for request in requests:
        yield v1.StreamHeartbeatsResponse(id=request.id, taken=v1.HeartbeatResponse())


@both
def test_a_call_finds_the_successor_of_a_daemon_that_vanished(
    daemon: FakeDaemon, kind: str
) -> None:
    async def body(client: Any) -> None:
        await client.list_models(v1.ListModelsRequest())
        network.silence_open_connections()
        network.port = successor.port
        started = time.monotonic()
        await client.list_models(v1.ListModelsRequest())
        assert time.monotonic() - started < 15

    with Relay(daemon.port) as network, FakeDaemon() as successor:
        with_client(kind, soon(network.target), body)
        assert network.accepted == 2
        assert successor.names() == ["ListModels"]


@both
def test_a_stream_of_a_daemon_that_vanished_ends_and_a_quiet_one_does_not(
    daemon: FakeDaemon, kind: str
) -> None:
    daemon.streams["StreamHeartbeats"] = take_all

    async def body(client: Any) -> None:
        stream = client.stream_heartbeats()
        await stream.send(v1.HeartbeatRequest())
        await stream.receive()
        await asyncio.sleep(4)  # several pings long
        await stream.send(v1.HeartbeatRequest())
        await stream.receive()
        assert network.accepted == 1
        network.silence_open_connections()
        with pytest.raises(eldr.EldrError) as ended:
            await stream.receive(30)
        assert ended.value.code is grpc.StatusCode.UNAVAILABLE

    with Relay(daemon.port) as network:
        with_client(kind, soon(network.target), body)


@pytest.fixture
def nobodys_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "no_grpc_proxy", "grpc_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")


@both
@pytest.mark.usefixtures("nobodys_proxy")
def test_the_proxy_of_the_environment_is_not_used(daemon: FakeDaemon, kind: str) -> None:
    async def body(client: Any) -> None:
        await client.list_models(v1.ListModelsRequest())

    with_client(kind, eldr.Options(target=daemon.target), body)


@both
@pytest.mark.usefixtures("nobodys_proxy")
def test_a_proxy_that_is_told_is_used_and_named_without_its_password(
    daemon: FakeDaemon, kind: str
) -> None:
    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError) as failed:
            await client.list_models(v1.ListModelsRequest())
        assert failed.value.code is grpc.StatusCode.UNAVAILABLE
        assert "(by way of the proxy 127.0.0.1:1)" in failed.value.message
        assert "sesame" not in failed.value.message

    proxy = "http://user:sesame@127.0.0.1:1"
    with_client(kind, eldr.Options(target=daemon.target, http_proxy=proxy), body)
    assert not daemon.calls
