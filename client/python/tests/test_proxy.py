"""The proxy end to end: engines that stand in, a real eldrd, real sockets."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiohttp")


from eldr import v1
from support.engines import WORDS
from support.real_daemon import wait_until
from support.stand import TEXT, Start, run, stand


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
                "eldr_lease_id": explained.lease_id,
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
