"""The client and the reporter against a real eldrd, over real sockets."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

import eldr
import eldr.aio
from eldr import v1
from support.both import KINDS, with_client
from support.clock import FakeClock
from support.real_daemon import Eldrd, wait_until
from support.records import records

both = pytest.mark.parametrize("kind", KINDS)
Start = Callable[..., Eldrd]


def node(node_id: str = "d0", **more: Any) -> v1.RegisterNodeRequest:
    return v1.RegisterNodeRequest(
        node=v1.NodeSpec(node_id=node_id, model="m", address="a:1"), **more
    )


@both
def test_serves_a_request_from_signature_to_release(start_eldrd: Start, kind: str) -> None:
    daemon = start_eldrd()

    async def body(client: Any) -> None:
        assert await client.check_health("readiness") is eldr.Health.SERVING
        with pytest.raises(eldr.EldrError) as unknown:
            await client.check_health("nothing")
        assert unknown.value.code is grpc.StatusCode.NOT_FOUND
        await client.register_node(node())
        dense = v1.DenseCounts(encoding=v1.COUNT_ENCODING_UINT8, data=bytes([2, 2, 0, 0] * 4))
        signature = v1.ExpertSignature(tokens=2, dense=dense)
        push = v1.PushSignatureRequest(model="m", request_id="r", signature=signature)
        with pytest.raises(eldr.EldrError, match="INVALID_ARGUMENT"):
            await client.push_signature(push)
        dense.data = bytes([2, 2, 0, 0, 0, 0, 0, 0] * 2)
        push.signature.dense.CopyFrom(dense)
        stored = await client.push_signature(push)
        assert stored.quality == v1.SIGNATURE_QUALITY_FULL
        request = v1.PlaceRequest(model="m", request_id="r")
        placed = await client.place(request)
        assert placed.node.node_id == "d0"
        assert placed.signature_quality == v1.SIGNATURE_QUALITY_FULL
        keeper = client.keep_lease(request, placed)
        released = await keeper.release(output_tokens=4)
        assert released.outcome == v1.LEASE_OUTCOME_DONE
        described = await client.describe_model(v1.DescribeModelRequest(name="m"))
        assert described.leases == 0

    with_client(kind, eldr.Options(target=daemon.target), body)


def test_records_what_was_decoded_though_a_frontend_released_first(
    start_eldrd: Start, tmp_path: Path
) -> None:
    captures = tmp_path / "captures"
    daemon = start_eldrd(f'capture: {{directory: "{captures}"}}\n')
    with eldr.Client(eldr.Options(target=daemon.target)) as client:
        client.register_node(node())
        placed = client.place(v1.PlaceRequest(model="m", request_id="r"))
        key = v1.LeaseKey(model="m", request_id="r", lease_id=placed.lease_id)
        counts = eldr.encode_counts(np.array([3, 3, 0, 0, 0, 0, 0, 0] * 2), 3)
        with_counts = v1.ReleaseLeaseRequest(lease=key, decode_counts=counts)
        assert client.release_lease(v1.ReleaseLeaseRequest(lease=key)).outcome == (
            v1.LEASE_OUTCOME_DONE
        )
        assert client.release_lease(with_counts).outcome == v1.LEASE_OUTCOME_NOT_HELD
        # Of another lease than the one that the request holds now they are not its own.
        client.place(v1.PlaceRequest(model="m", request_id="r"))
        assert client.release_lease(with_counts).outcome == v1.LEASE_OUTCOME_STALE
    daemon.stop()
    decoded = [
        record.decode_counts
        for record in records(captures, "CaptureRecord")
        if record.HasField("decode_counts")
    ]
    assert decoded == [counts]


@both
def test_streams_placements(start_eldrd: Start, kind: str) -> None:
    daemon = start_eldrd()

    async def body(client: Any) -> None:
        await client.register_node(node())
        stream = client.stream_placements()
        for number in range(300):
            await stream.send(v1.PlaceRequest(model="m", request_id=f"r{number}"))
        await stream.close_send()
        ids = set()
        while (reply := await stream.receive()) is not None:
            assert reply.result().node.node_id == "d0"
            ids.add(reply.id)
        assert ids == set(range(1, 301))

    with_client(kind, eldr.Options(target=daemon.target), body)


def test_watches_placements(start_eldrd: Start) -> None:
    daemon = start_eldrd()
    seen = threading.Event()
    with eldr.Client(eldr.Options(target=daemon.target)) as client:
        client.register_node(node())

        def place() -> None:  # those made before the daemon has the watch go untold
            for number in range(2000):
                client.place(v1.PlaceRequest(model="m", request_id=f"r{number}"))
                if seen.wait(0.005):
                    break

        placing = threading.Thread(target=place)
        placing.start()
        first = next(client.watch_placements(v1.WatchPlacementsRequest(model="m"), timeout=20))
        seen.set()
        placing.join()
    assert first.request_id.startswith("r")
    assert first.placement.node_id == "d0"


@both
def test_a_reporter_survives_the_daemons_restart(start_eldrd: Start, kind: str) -> None:
    daemon = start_eldrd(grpc_listen="unix:FOLDER/eldr.sock")
    load = eldr.Load(running=1, running_request_ids=["mine"], complete=True)
    spec = eldr.node_spec("d0", "m", "10.0.0.1:8000", heartbeat_interval=0.1)
    options = eldr.Options(target=daemon.target, timeout=20)

    def ready(nodes: v1.ListNodesResponse) -> bool:
        return [n.state for n in nodes.nodes] == [v1.NODE_STATE_READY] and nodes.nodes[
            0
        ].leases == 1

    with eldr.Client(options) as other:

        def is_ready() -> bool:
            try:
                return ready(other.list_nodes(v1.ListNodesRequest()))
            except eldr.EldrError:
                return False

        def restart_and_drain(reporter: Any, drain: Callable[[], None]) -> None:
            wait_until(is_ready, 20, daemon.log)
            daemon.kill()
            wait_until(lambda: reporter.status.error is not None, 20, daemon.log)
            daemon.start()
            wait_until(is_ready, 20, daemon.log)  # registered anew, and its request adopted
            drain()
            wait_until(lambda: reporter.status.draining, 20, daemon.log)

        if kind == "threads":
            with eldr.NodeReporter(other, spec, lambda: load) as reporter:
                restart_and_drain(reporter, reporter.drain)
        else:

            async def body() -> None:
                async with (
                    eldr.aio.Client(options) as client,
                    eldr.aio.NodeReporter(client, spec, lambda: load) as reporter,
                ):
                    loop = asyncio.get_running_loop()

                    def drain() -> None:
                        asyncio.run_coroutine_threadsafe(reporter.drain(), loop).result()

                    await asyncio.to_thread(restart_and_drain, reporter, drain)

            asyncio.run(body())
        assert not other.list_nodes(v1.ListNodesRequest()).nodes


def certificate(folder: Path, name: str, issuer: str | None = None) -> None:
    """A key and a certificate for 127.0.0.1, signed by itself or by the issuer."""
    key, crt = folder / f"{name}.key", folder / f"{name}.crt"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(crt),
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]
    if issuer is not None:
        command += ["-CA", str(folder / f"{issuer}.crt"), "-CAkey", str(folder / f"{issuer}.key")]
    subprocess.run(command, check=True, capture_output=True)


@both
def test_shows_who_it_is_over_tls(start_eldrd: Start, kind: str, tmp_path: Path) -> None:
    certificate(tmp_path, "server")
    certificate(tmp_path, "clients")
    certificate(tmp_path, "operator", issuer="clients")
    token = tmp_path / "frontend.token"
    token.write_text("0123456789abcdef-frontend\n")
    daemon = start_eldrd(
        f"tls: {{certificate: {tmp_path}/server.crt, key: {tmp_path}/server.key, "
        f"client_ca: {tmp_path}/clients.crt, client_certificates: optional}}\n"
        f"auth: {{tokens: {{frontend: {token}}}, certificates: {{admin: [localhost]}}}}\n",
    )

    def options(ca: str, own: str = "", token_file: str = "") -> eldr.Options:
        tls = eldr.TlsOptions(
            ca_file=str(tmp_path / f"{ca}.crt"),
            certificate_file=own and str(tmp_path / f"{own}.crt"),
            key_file=own and str(tmp_path / f"{own}.key"),
        )
        return eldr.Options(target=daemon.target, tls=tls, token_file=token_file, timeout=10)

    async def with_token(client: Any) -> None:
        await client.list_models(v1.ListModelsRequest())
        with pytest.raises(eldr.EldrError) as denied:
            await client.register_node(node())
        assert denied.value.code is grpc.StatusCode.PERMISSION_DENIED

    async def with_nothing(client: Any) -> None:
        with pytest.raises(eldr.EldrError) as unknown:
            await client.list_models(v1.ListModelsRequest())
        assert unknown.value.code is grpc.StatusCode.UNAUTHENTICATED

    async def with_certificate(client: Any) -> None:
        await client.register_node(node())

    with_client(kind, options("server", token_file=str(token)), with_token)
    with_client(kind, options("server"), with_nothing)
    with_client(kind, options("server", own="operator"), with_certificate)


@both
def test_takes_replaced_files_of_tls_without_a_restart(
    start_eldrd: Start, kind: str, tmp_path: Path
) -> None:
    for name in ("server", "stranger"):
        certificate(tmp_path, name)
    daemon = start_eldrd(
        f"tls: {{certificate: {tmp_path}/server.crt, key: {tmp_path}/server.key}}\n"
    )
    trusted, clock = tmp_path / "stranger.crt", FakeClock()
    options = eldr.Options(
        target=daemon.target,
        timeout=10,
        tls=eldr.TlsOptions(ca_file=str(trusted)),
        retry=eldr.RetryOptions(max_attempts=1),
    )

    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError) as refused:
            await client.list_models(v1.ListModelsRequest())
        assert refused.value.code is grpc.StatusCode.UNAVAILABLE
        (tmp_path / "server.crt").rename(trusted)
        clock.advance(60)
        await client.list_models(v1.ListModelsRequest())

    with_client(kind, options, body, environment=eldr.Environment(now=clock))
