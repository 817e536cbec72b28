"""Proofs of requests that are prefilled, placed and decoded, by the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import time

import numpy as np
from signatures import compare, decode_records
from stand import Stand
from traffic import KINDS, Answer, Ask


class Asks:
    """All that is asked of the routed stand, made ahead: one engine alone answers it first."""

    def __init__(self, at: Stand) -> None:
        make, chance = at.traffic.ask, at.traffic.chance
        prefix = make(200).tokens
        # The last ones end so that a cache of whole blocks has all runs that are named.
        lengths = (1, 17, 32, 64, 65, 130, 257, 400)
        self.mixed = [make(length, 12, stream=bool(length % 2)) for length in lengths]
        self.again = self.mixed[4:]
        self.mixed += [make(200 + 9 * n, 12, prefix, stream=bool(n % 2)) for n in range(4)]
        self.mixed += [
            make(40 + n, 12, alphabet=alphabet, stream=bool(n % 2))
            for n in range(3)
            for alphabet in KINDS.values()
        ]
        chat = at.traffic.chat
        self.mixed += [chat(f"Tell me of {n} experts.", 10, bool(n % 2)) for n in range(4)]
        self.many = [make(chance.randrange(8, 60), 4, stream=n % 3 == 0) for n in range(200)]
        # Long enough to be in their middle when something is killed.
        self.faulty = [make(chance.randrange(20, 90), 200, stream=n % 2 == 0) for n in range(72)]
        self.handed = [make(n, 16) for n in (40, 129, 300, 17, 500, 64, 256, 90, 33, 700, 12, 400)]

    def all(self) -> list[Ask]:
        return [*self.mixed, *self.many, *self.faulty, *self.handed]


async def mixed(at: Stand, asks: list[Ask]) -> None:
    answers = await at.traffic.send_all(at.urls, asks, 6)
    same, told = at.same_texts(answers)
    at.report.proved("texts, mixed traffic by the proxy", same, told)
    compared = await compare(at.router, at.truth, answers)
    at.report.proved("signatures of it", compared.right, str(compared))
    early = _known_when_placed(at, {answer.ask.name for answer in answers})
    at.report.proved(
        "signatures were there at the placement",
        early >= len(answers) * 0.9,  # on a machine that is busy a thread may come late
        f"{early} of {len(answers)} (a placement waits for one at most 50 ms)",
    )
    await _decoded(at, answers)
    left = await at.router.until(ready=len(at.decode))
    told = "some are" if left is None else f"{left:.1f} s after the last answer"
    at.report.proved("no lease is left", left is not None, told)


def _known_when_placed(at: Stand, names: set[str]) -> int:
    """How many of these requests had pushed before they were placed, in the router's own order."""
    pushed: set[str] = set()
    early: set[str] = set()
    for event in at.router.events():
        if event.WhichOneof("event") == "signature_pushed":
            pushed.add(event.signature_pushed.request_id)
        elif event.WhichOneof("event") == "placed":
            early |= {event.placed.query.request_id} & pushed & names
    return len(early)


async def _decoded(at: Stand, answers: list[Answer]) -> None:
    """What decode engines say that each request decoded."""
    expected = []
    for answer in answers:
        prompt = answer.ask.tokens or answer.prompt_tokens
        run = [*prompt, *answer.tokens[:-1]]
        expected.append((len(run) - len(prompt), at.truth.routes(run).counts(len(prompt))))
        await asyncio.sleep(0)
    found = 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and found < len(expected):
        recorded = decode_records(at.router)
        found = sum(
            any(tokens == n and np.array_equal(counts, c) for n, c in recorded)
            for tokens, counts in expected
        )
        await asyncio.sleep(0.3)
    at.report.proved(
        "experts of decode, by request",
        found >= len(expected) - 2,  # a near-tie is met here, too
        f"{found} of {len(expected)} equal in every count",
    )


async def many(at: Stand, asks: list[Ask]) -> None:
    began = time.monotonic()
    answers = await at.traffic.send_all(at.urls[:1], asks, len(asks))
    seconds = time.monotonic() - began
    same, told = at.same_texts(answers)
    at.report.proved(f"{len(asks)} requests at once", same, f"{told}, in {seconds:.0f} s")
    compared = await compare(at.router, at.truth, answers)
    at.report.proved("signatures of them", compared.right, str(compared))


async def aborts(at: Stand) -> None:
    """Clients that go away: in the prefill, in the queue, while they read."""
    asks = [at.traffic.ask(120, 400, stream=n % 2 == 0) for n in range(12)]

    async def give_up(ask: Ask, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(at.traffic.send(at.urls[:1], ask), seconds)

    await asyncio.gather(*(give_up(ask, 0.1 + number * 0.25) for number, ask in enumerate(asks)))
    left = await at.router.until(ready=len(at.decode))
    running = await _still_running(at, seconds=10)
    at.report.proved(
        "clients that go away",
        left is not None and not running,
        f"{len(asks)} of them; "
        + ("leases are LEFT" if left is None else f"no lease is left {left:.1f} s later")
        + (f", engines run {running:.0f} of them STILL" if running else ", no engine runs any"),
    )


async def _still_running(at: Stand, seconds: float) -> float:
    """What engines run, as soon as that is nothing."""
    deadline = time.monotonic() + seconds
    while True:
        running = [await one.metric(at.session, "vllm:num_requests_running") for one in at.decode]
        if not any(running) or time.monotonic() > deadline:
            return sum(running)
        await asyncio.sleep(0.2)
