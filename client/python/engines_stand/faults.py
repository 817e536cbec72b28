"""Proofs with kill -9 in the middle of traffic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from processes import StandError
from stand import Stand
from traffic import Ask

_WITHIN = 10.0


async def proxy(at: Stand, asks: list[Ask]) -> None:
    async def fault() -> None:
        await at.proxies[0].kill()

    await _during(at, "kill -9 of a proxy", asks, fault, ready=len(at.decode))
    await at.proxies[0].begin()


async def router(at: Stand, asks: list[Ask]) -> None:
    async def fault() -> None:
        await at.router.kill()
        await asyncio.sleep(1.0)
        await at.router.begin()

    await _during(at, "kill -9 of eldrd", asks, fault, ready=len(at.decode))


async def decode(at: Stand, asks: list[Ask]) -> None:
    killed = at.decode[-1]

    async def fault() -> None:
        await killed.kill()

    await _during(at, "kill -9 of a decode engine", asks, fault, ready=len(at.decode) - 1)
    at.decode.remove(killed)


async def _until_all_decode(at: Stand) -> None:
    """So that whatever is killed takes requests with it."""
    deadline = time.monotonic() + 30
    while not all(
        node.leases > 1 and node.reported_running > 1 for node in await at.router.nodes()
    ):
        if time.monotonic() > deadline:
            raise StandError("the decode engines do not run what they were asked")
        await asyncio.sleep(0.02)


async def _during(
    at: Stand, what: str, asks: list[Ask], fault: Callable[[], Awaitable[None]], ready: int
) -> None:
    """Streams that have begun break with what they ran on; all else is answered elsewhere."""
    work = asyncio.create_task(at.traffic.send_all(at.urls, asks, 8, f"{what[11:]}-"))
    await _until_all_decode(at)
    began = time.monotonic()
    await fault()
    view = await at.router.until(ready=ready, leases=None, seconds=_WITHIN)
    right = time.monotonic() - began
    answers = await work
    left = await at.router.until(ready=ready, seconds=_WITHIN)
    same, told = at.same_texts(answers)
    retried = sum(1 for one in answers if one.retried)
    at.report.proved(
        what,
        same and view is not None and left is not None,
        f"{told}, {retried} of them asked again by the client; fleet view right "
        + (f"{right:.1f} s later" if view is not None else f"NOT within {_WITHIN:.0f} s")
        + ("; no lease is left" if left is not None else "; leases are LEFT"),
    )
