"""The proxy end to end: engines that stand in, a real eldrd, real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiohttp")

import aiohttp
from aiohttp import web

import eldr
import eldr.aio
from eldr import v1
from eldr.proxy import Prefill, Proxy, Settings
from support.engines import WORDS, FakeEngine
from support.real_daemon import Eldrd, wait_until

TEXT = "".join(WORDS)
Start = Callable[..., Eldrd]


class Stand:
    """A proxy, its engines and its router."""

    def __init__(self, eldrd: Eldrd | None) -> None:
        self.eldrd = eldrd
        self.prefill = [FakeEngine(), FakeEngine()]
        self.decode = [FakeEngine(), FakeEngine()]
        self.router: eldr.aio.Client
        self.http: aiohttp.ClientSession
        self.url = ""

    async def post(
        self, body: dict[str, Any] | None = None, path: str = "/v1/completions", **headers: str
    ) -> tuple[int, Any]:
        asked = {"model": "m", "prompt": "p", "max_tokens": 4, **(body or {})}
        async with self.http.post(self.url + path, json=asked, headers=headers) as reply:
            return reply.status, await reply.json()

    async def text(self, request_id: str = "r", **more: Any) -> str:
        status, reply = await self.post(more, **{"X-Request-Id": request_id})
        assert status == 200, reply
        return str(reply["choices"][0]["text"])

    async def leases(self) -> dict[str, int]:
        nodes = await self.router.list_nodes(v1.ListNodesRequest())
        return {node.spec.node_id: node.leases for node in nodes.nodes}

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(1000):
            if await condition():
                return
            await asyncio.sleep(0.01)
        pytest.fail("it did not come about")

    async def no_lease_is_left(self) -> None:
        async def none() -> bool:
            return not any((await self.leases()).values())

        await self.until(none)

    async def metric(self, line: str) -> float:
        async with self.http.get(self.url + "/metrics") as reply:
            page = await reply.text()
        found = [row for row in page.splitlines() if row.startswith(line + " ")]
        assert found, page
        return float(found[0].split()[-1])


@contextlib.asynccontextmanager
async def stand(eldrd: Eldrd | None, **settings: Any) -> AsyncIterator[Stand]:
    made = Stand(eldrd)
    target = eldrd.target if eldrd is not None else "127.0.0.1:1"
    async with contextlib.AsyncExitStack() as stack:
        for engine in (*made.prefill, *made.decode):
            await engine.start()
            stack.push_async_callback(engine.stop)
        made.router = await stack.enter_async_context(
            eldr.aio.Client(eldr.Options(target=target, timeout=10))
        )
        if eldrd is not None:
            for number, engine in enumerate(made.decode):
                node = v1.NodeSpec(node_id=f"d{number}", model="m", address=engine.address)
                if number == 1:
                    node.dp_rank = 3
                await made.router.register_node(v1.RegisterNodeRequest(node=node))
        proxy = Proxy(
            Settings(
                prefill=tuple(Prefill(engine.url) for engine in made.prefill),
                router=eldr.Options(
                    target=target, timeout=10, retry=eldr.RetryOptions(max_attempts=2)
                ),
                **settings,
            )
        )
        runner = web.AppRunner(proxy.app, handler_cancellation=True)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        made.http = await stack.enter_async_context(aiohttp.ClientSession())
        yield made


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 60))


def test_prefills_places_decodes_and_releases(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            at.prefill[0].experts = at.prefill[1].experts = np.tile(
                np.array([[1, 2], [3, 4]], dtype=np.uint8), (5, 1, 1)
            )
            assert await at.text("req-1", n=2) == TEXT
            explained = await at.router.explain_placement(
                v1.ExplainPlacementRequest(model="m", request_id="req-1")
            )
            assert explained.signature_quality == v1.SIGNATURE_QUALITY_FULL
            used = next(engine for engine in at.prefill if engine.got)
            assert explained.prefill_worker == used.url
            node = at.decode[int(explained.node_id[1:])]
            ((_, prefill_headers, prefill_body),) = used.got
            ((_, decode_headers, decode_body),) = node.got
            assert prefill_headers["x-request-id"] == decode_headers["x-request-id"] == "req-1"
            assert prefill_body["kv_transfer_params"]["do_remote_decode"] is True
            assert decode_body["kv_transfer_params"] == {
                "do_remote_prefill": True,
                "remote_block_ids": [1, 2],
                "remote_host": "p0",
                "eldr_request_id": "req-1",
            }
            assert (decode_body["max_tokens"], decode_body["n"]) == (4, 2)
            assert decode_headers.get("x-data-parallel-rank") == (
                "3" if node is at.decode[1] else None
            )
            await at.no_lease_is_left()
            assert await at.metric('eldr_proxy_requests_total{outcome="ok"}') == 1
            assert await at.metric('eldr_proxy_placements_total{by="router"}') == 1
            assert await at.metric('eldr_proxy_signatures_total{outcome="sent"}') == 1
            assert await at.metric("eldr_proxy_requests_in_flight") == 0

    run(body)


def test_names_the_rank_of_a_node_that_has_one(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            await at.router.drain_node(v1.DrainNodeRequest(node_id="d0"))
            status, _ = await at.post(path="/v1/chat/completions")
            assert status == 200
            path, headers, _ = at.decode[1].got[0]
            assert path == "/v1/chat/completions"
            assert headers["x-data-parallel-rank"] == "3"

    run(body)


def test_refuses_experts_that_are_not_of_the_model_and_places_all_the_same(
    start_eldrd: Start,
) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            at.prefill[0].experts = at.prefill[1].experts = np.full((5, 2, 2), 9, np.uint8)
            assert await at.text() == TEXT
            assert await at.metric('eldr_proxy_signatures_total{outcome="refused"}') == 1

    run(body)


def test_passes_a_stream_on_as_it_comes(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            for engine in at.decode:
                engine.go.clear()
            asked = {"model": "m", "prompt": "p", "stream": True}
            async with at.http.post(at.url + "/v1/completions", json=asked) as reply:
                assert reply.headers["Content-Type"] == "text/event-stream"
                first = await asyncio.wait_for(reply.content.readline(), 20)
                assert WORDS[0].encode() in first  # while the engine waits for us
                assert sum((await at.leases()).values()) == 1
                for engine in at.decode:
                    engine.go.set()
                rest = await reply.read()
                assert rest.endswith(b"data: [DONE]\n\n")
            await at.no_lease_is_left()

    run(body)


@pytest.mark.parametrize("during", ["prefill", "decode"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_that_goes_away_ends_both_legs_and_the_lease(
    start_eldrd: Start, during: str, streamed: bool
) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            held = at.prefill if during == "prefill" else at.decode
            for engine in held:
                engine.go.clear()
            call = asyncio.ensure_future(at.text("gone", stream=streamed))

            async def reached() -> bool:
                return any(engine.got for engine in held)

            await at.until(reached)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

            async def ended() -> bool:
                return any(engine.cancelled == ["gone"] for engine in held)

            await at.until(ended)
            await at.no_lease_is_left()

            async def counted() -> bool:
                return await at.metric('eldr_proxy_requests_total{outcome="disconnected"}') == 1

            await at.until(counted)

    run(body)


@pytest.mark.parametrize("fault", ["not there", "503", "before headers", "before the first token"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_decode_node_that_dies_before_the_first_token_is_replaced(
    start_eldrd: Start, fault: str, streamed: bool
) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            await at.router.drain_node(v1.DrainNodeRequest(node_id="d1"))
            bad, good = at.decode
            if fault == "not there":
                await bad.stop()
            elif fault == "503":
                bad.status = 503
            elif fault == "before the first token" and not streamed:
                bad.dies = "before headers"
            else:
                bad.dies = fault
            placed = asyncio.Event()

            async def undrain() -> None:
                # The first choice is d0 alone; then there is another.
                await at.until(lambda: _any_prefill(at))
                placed.set()

            async def request() -> str:
                async with at.http.post(
                    at.url + "/v1/completions",
                    json={"model": "m", "prompt": "p", "stream": streamed},
                    headers={"X-Request-Id": "r"},
                ) as reply:
                    assert reply.status == 200
                    return await reply.text()

            for engine in at.prefill:
                engine.go.clear()
            call = asyncio.ensure_future(request())
            await undrain()
            # d0 is free and d1 is busy, so d0 comes first.
            await at.router.undrain_node(v1.UndrainNodeRequest(node_id="d1"))
            for number in range(8):
                await at.router.place(
                    v1.PlaceRequest(model="m", request_id=f"o{number}", allow_nodes=["d1"])
                )
            for engine in at.prefill:
                engine.go.set()
            text = await call
            assert WORDS[-1] in text
            assert len(good.got) == 1
            prefills = sum(len(engine.got) for engine in at.prefill)
            # What had begun may have fetched the KV, which is then gone.
            assert prefills == (1 if fault == "not there" else 2)

            async def only_the_others() -> bool:
                return await at.leases() == {"d0": 0, "d1": 8}

            await at.until(only_the_others)
            assert await at.metric('eldr_proxy_retries_total{leg="decode"}') == 1

    run(body)


async def _any_prefill(at: Stand) -> bool:
    return any(engine.got for engine in at.prefill)


def test_a_node_that_dies_after_the_first_token_breaks_the_reply_visibly(
    start_eldrd: Start,
) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            for engine in at.decode:
                engine.dies = "after the first token"
            asked = {"model": "m", "prompt": "p", "stream": True}
            with pytest.raises(aiohttp.ClientError):
                async with at.http.post(at.url + "/v1/completions", json=asked) as reply:
                    await reply.read()
            await at.no_lease_is_left()
            assert await at.metric('eldr_proxy_requests_total{outcome="broken"}') == 1

    run(body)


def test_decode_nodes_take_turns_while_the_router_is_away(start_eldrd: Start) -> None:
    async def body() -> None:
        eldrd = start_eldrd(grpc_listen="unix:FOLDER/eldr.sock")
        async with stand(eldrd) as at:
            for number in range(6):  # both nodes are seen
                await at.text(f"before{number}")
            assert all(engine.got for engine in at.decode)
            before = [len(engine.got) for engine in at.decode]
            await asyncio.to_thread(eldrd.kill)
            for number in range(8):
                assert await at.text(f"away{number}") == TEXT
            during = [len(e.got) - n for e, n in zip(at.decode, before, strict=True)]
            assert during == [4, 4]
            assert await at.metric('eldr_proxy_placements_total{by="round_robin"}') == 8
            await asyncio.to_thread(eldrd.start)
            for number, engine in enumerate(at.decode):
                node = v1.NodeSpec(node_id=f"d{number}", model="m", address=engine.address)
                await at.router.register_node(v1.RegisterNodeRequest(node=node))

            async def used() -> bool:
                await at.text()
                return await at.metric('eldr_proxy_placements_total{by="router"}') > 6

            await at.until(used)
            await at.no_lease_is_left()

    run(body)


def test_goes_to_the_nodes_it_was_told_of_without_any_router() -> None:
    async def body() -> None:
        decode = await FakeEngine().start()
        try:
            async with stand(None, decode=(decode.url,)) as at:
                assert await at.text() == TEXT
                assert await at.text() == TEXT
                assert len(decode.got) == 2
        finally:
            await decode.stop()

    run(body)


def test_says_so_when_there_is_nowhere_to_go() -> None:
    async def body() -> None:
        async with stand(None) as at:
            status, reply = await at.post()
            assert status == 503
            assert "no decode node took the request" in reply["error"]["message"]
            for engine in at.prefill:
                await engine.stop()
            status, reply = await at.post()
            assert status == 503
            assert "no prefill worker took the request" in reply["error"]["message"]
            assert await at.metric('eldr_proxy_requests_total{outcome="failed"}') == 2

    run(body)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_another_prefill_worker_takes_over(start_eldrd: Start, status: int) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            at.prefill[0].status = status
            for number in range(3):
                assert await at.text(f"r{number}") == TEXT
            assert len(at.prefill[0].got) == 1  # then it is asked last for a while
            assert await at.metric('eldr_proxy_retries_total{leg="prefill"}') == 1

    run(body)


@pytest.mark.parametrize("where", ["prefill", "decode"])
def test_what_is_wrong_with_a_request_is_told_and_not_tried_again(
    start_eldrd: Start, where: str
) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            engines = at.prefill if where == "prefill" else at.decode
            for engine in engines:
                engine.status = 400
            status, reply = await at.post()
            assert (status, reply["error"]["message"]) == (400, "as asked")
            assert sum(len(engine.got) for engine in engines) == 1
            await at.no_lease_is_left()
            assert await at.metric('eldr_proxy_requests_total{outcome="client_error"}') == 1

    run(body)


@pytest.mark.parametrize(("data", "message"), [(b"{", "not JSON"), (b"[]", "not a JSON object")])
def test_refuses_what_is_no_request(data: bytes, message: str) -> None:
    async def body() -> None:
        async with (
            stand(None) as at,
            at.http.post(at.url + "/v1/completions", data=data) as reply,
        ):
            assert reply.status == 400
            assert message in (await reply.json())["error"]["message"]

    run(body)


def test_counts_a_request_that_is_too_large_as_the_clients_error() -> None:
    async def body() -> None:
        async with stand(None, max_body_bytes=1000) as at:
            async with at.http.post(at.url + "/v1/completions", data=b"x" * 2000) as reply:
                assert reply.status == 413
            assert await at.metric('eldr_proxy_requests_total{outcome="client_error"}') == 1

    run(body)


def test_a_batch_of_prompts_is_decoded_whole_without_a_hand_over(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            assert await at.text("batch", prompt=["p", "q"]) == TEXT
            assert not any(engine.got for engine in at.prefill)
            await at.no_lease_is_left()

    run(body)


def test_serves_models_and_health(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(None) as at:
            await at.prefill[0].stop()
            for path, part in (("/v1/models", '"id": "m"'), ("/health", "ok")):
                async with at.http.get(at.url + path) as reply:
                    assert reply.status == 200
                    assert part in await reply.text()

    run(body)


def test_many_at_once_leave_nothing_behind(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            texts = await asyncio.gather(*(at.text(f"r{n}", stream=False) for n in range(200)))
            assert texts == [TEXT] * 200
            assert all(len(engine.got) > 50 for engine in at.prefill)
            assert all(engine.got for engine in at.decode)
            await at.no_lease_is_left()

    run(body)


@pytest.mark.parametrize("late", [False, True])
def test_starts_sglangs_pair_at_once_after_the_placement(start_eldrd: Start, late: bool) -> None:
    async def body() -> None:
        async with stand(start_eldrd(), engine="sglang", late_placement=late) as at:
            experts = np.tile(np.array([[1, 2], [3, 4]], dtype=np.int32), (5, 1, 1))
            at.prefill[0].experts = at.prefill[1].experts = experts
            assert await at.text("r", max_tokens=9) == TEXT
            (used,) = [engine for engine in at.prefill if engine.got]
            *probes, pair = used.bodies()
            (decode,) = [body for engine in at.decode for body in engine.bodies()]
            assert pair == decode
            assert pair["bootstrap_host"] == "127.0.0.1"
            assert pair["max_tokens"] == 9
            explained = await at.router.explain_placement(
                v1.ExplainPlacementRequest(model="m", request_id="r")
            )
            if late:
                (probe,) = probes
                assert (probe["bootstrap_room"], probe["max_tokens"]) == (0, 1)
                assert explained.signature_quality == v1.SIGNATURE_QUALITY_FULL
            else:
                assert not probes
                assert explained.signature_quality == v1.SIGNATURE_QUALITY_MISSING
            await at.no_lease_is_left()

    run(body)


def test_a_pair_whose_prefill_is_gone_is_made_anew(start_eldrd: Start) -> None:
    async def body() -> None:
        async with stand(start_eldrd(), engine="sglang") as at:
            for engine in at.decode:
                engine.go.clear()  # as one that waits for its prefill
            await at.prefill[0].stop()
            call = asyncio.ensure_future(at.text("r", max_tokens=9))

            async def paired() -> bool:
                return bool(at.prefill[1].got)

            await at.until(paired)
            for engine in at.decode:
                engine.go.set()
            assert await call == TEXT
            assert await at.metric('eldr_proxy_retries_total{leg="decode"}') == 0
            await at.no_lease_is_left()

    run(body)


def test_runs_as_a_program_until_it_is_told_to_end(start_eldrd: Start, tmp_path: Path) -> None:
    async def body() -> None:
        async with stand(start_eldrd()) as at:
            assert at.eldrd is not None
            command = [sys.executable, "-m", "eldr.proxy", "--listen", "127.0.0.1:0"]
            command += ["--router", at.eldrd.target, "--prefill", at.prefill[0].url]
            with (tmp_path / "out").open("w") as out:
                process = subprocess.Popen(command, stdout=out)  # noqa: ASYNC220
            try:
                await asyncio.to_thread(
                    wait_until, lambda: "\n" in (tmp_path / "out").read_text(), 30
                )
                at.url = "http://" + (tmp_path / "out").read_text().split()[-1]
                assert await at.text() == TEXT
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 30) == 0
            finally:
                process.kill()
                process.wait()
            await at.no_lease_is_left()

    run(body)
