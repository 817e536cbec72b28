"""Proofs on the prefill engine alone: every count is right, whatever its scheduler does."""

from __future__ import annotations

import asyncio
import contextlib

from processes import Engine
from signatures import compare
from stand import Stand
from traffic import Ask


async def prove(at: Stand, engine: Engine) -> None:
    await _plain(at, engine)
    await _prefixes(at, engine)
    await _preemption(at, engine)


def prove_middle(at: Stand, engine: Engine) -> None:
    """By what the engine's log says at its end."""
    told = engine.logged(r"prompts preempted in their middle: (\d+)")
    number = sum(int(one) for one in told)
    at.report.proved(
        "preemption in the middle of prompts",
        number > 0,
        f"{number} of those that are equal above",
    )


async def _plain(at: Stand, engine: Engine) -> None:
    lengths = (1, 5, 31, 32, 33, 129, 256, 257, 700, 1_500)
    asks = [at.traffic.ask(length, 2) for length in lengths]
    answers = await at.traffic.send_all([engine.url], asks, 1)
    told = await compare(at.router, at.truth, answers)
    at.report.proved("signatures, one at a time, chunked", told.right, str(told))
    asks = [at.traffic.ask(at.traffic.chance.randrange(1, 700), 4) for _ in range(24)]
    answers = await at.traffic.send_all([engine.url], asks, 24)
    told = await compare(at.router, at.truth, answers)
    at.report.proved("signatures, 24 at a time, chunked", told.right, str(told))


async def _prefixes(at: Stand, engine: Engine) -> None:
    prefix = at.traffic.ask(420).tokens
    chance = at.traffic.chance
    before = await engine.metric(at.session, "vllm:prefix_cache_hits_total")
    asks = [at.traffic.ask(430, 8, prefix)]
    first = await at.traffic.send_all([engine.url], asks, 1)
    made = first[0].tokens
    asks = [
        at.traffic.ask(cut + chance.randrange(1, 200), 2, prefix[:cut])
        for cut in (chance.randrange(64, 420) for _ in range(10))
    ]
    # Goes on where decode wrote the KV.
    asks.append(at.traffic.ask(480, 2, [*first[0].ask.tokens, *made]))
    answers = first + await at.traffic.send_all([engine.url], asks, 4)
    hits = await engine.metric(at.session, "vllm:prefix_cache_hits_total") - before
    told = await compare(at.router, at.truth, answers)
    at.report.proved(
        "signatures, shared prefixes",
        told.right and hits > 1_000,
        f"{told}; {hits:.0f} tokens from the prefix cache",
    )


async def _preemption(at: Stand, engine: Engine) -> None:
    """More than the KV holds, decoding and in the middle of prompts; some are given up."""
    before = await engine.metric(at.session, "vllm:num_preemptions_total")
    asks = [at.traffic.ask(at.traffic.chance.randrange(200, 420), 72) for _ in range(18)]
    given_up = [at.traffic.ask(at.traffic.chance.randrange(300, 900), 400) for _ in range(6)]
    aborted = [
        asyncio.create_task(_give_up(at, engine, ask, 1.0 + n / 2))
        for n, ask in enumerate(given_up)
    ]
    answers = await at.traffic.send_all([engine.url], asks, 18)
    await asyncio.gather(*aborted)
    preempted = await engine.metric(at.session, "vllm:num_preemptions_total") - before
    told = await compare(at.router, at.truth, [one for one in answers if one.whole])
    at.report.proved(
        "signatures, preemption and aborts",
        told.right and preempted > 0 and all(one.whole for one in answers),
        f"{told}; {preempted:.0f} preemptions, {len(given_up)} requests given up",
    )


async def _give_up(at: Stand, engine: Engine, ask: Ask, seconds: float) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(at.traffic.send([engine.url], ask), seconds)
