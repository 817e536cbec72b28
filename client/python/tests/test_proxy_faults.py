"""The proxy end to end when engines, the router or clients fail."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiohttp")

import aiohttp

from eldr import v1
from support.engines import WORDS, FakeEngine
from support.stand import TEXT, Stand, Start, run, stand


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
            assert prefills == (1 if fault in ("not there", "503") else 2)

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


def test_a_request_that_breaks_engines_does_not_go_through_all_of_them() -> None:
    async def body() -> None:
        engines = [await FakeEngine().start() for _ in range(6)]
        try:
            async with stand(None, decode=tuple(engine.url for engine in engines)) as at:
                for engine in engines:
                    engine.status = 500
                status, reply = await at.post()
                assert status == 503
                assert "status 500" in reply["error"]["message"]
                assert sum(len(engine.got) for engine in engines) == 3
                for engine in engines:
                    engine.status = 429  # none of them begins it
                    engine.got.clear()
                assert (await at.post())[0] == 503
                assert sum(len(engine.got) for engine in engines) == 6
        finally:
            for engine in engines:
                await engine.stop()

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
