"""Proofs with kill -9 in the middle of traffic."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import aiohttp
from processes import StandError
from stand import Stand
from traffic import Ask

from eldr import v1

_WITHIN = 10.0


async def proxy(at: Stand, asks: list[Ask]) -> None:
    async def fault(_: v1.Node) -> None:
        await at.proxies[0].kill()

    await _during(at, "kill -9 of a proxy", asks, fault, ready=len(at.decode))
    await at.proxies[0].begin()


async def router(at: Stand, asks: list[Ask]) -> None:
    async def fault(_: v1.Node) -> None:
        await at.router.kill()
        await asyncio.sleep(1.0)  # requests come meanwhile
        await at.router.begin()

    await _during(at, "kill -9 of eldrd", asks, fault, ready=len(at.decode))


async def decode(at: Stand, asks: list[Ask]) -> None:
    async def fault(busiest: v1.Node) -> None:
        (killed,) = (one for one in at.decode if one.url.endswith(busiest.spec.address))
        await killed.kill()
        at.decode.remove(killed)

    await _during(at, "kill -9 of a decode engine", asks, fault, ready=len(at.decode) - 1)


async def ended(at: Stand, asks: list[Ask]) -> None:
    """The only decode engine that is left is drained, and ends by SIGTERM once it runs nothing."""
    (engine,) = at.decode
    work = asyncio.create_task(at.traffic.send_all(at.urls[:1], asks, len(asks), "ended-"))
    busiest = await _busiest(at)
    async with at.router.client() as client:
        await client.drain_node(v1.DrainNodeRequest(node_id=busiest.spec.node_id))
    same, told = at.same_texts(await work)
    began = time.monotonic()
    await engine.stop(patience=60)
    gone = await at.router.until_gone(seconds=_WITHIN)
    told += f"; gone from the fleet {time.monotonic() - began:.1f} s after SIGTERM"
    told += "" if gone else ", but NOT by itself"
    what = "a decode engine is drained and ends"
    at.report.proved(what, same and gone, f"with {busiest.leases} leases: {told}")
    at.decode.remove(engine)


async def _during(
    at: Stand, what: str, asks: list[Ask], fault: Callable[[v1.Node], Awaitable[None]], ready: int
) -> None:
    """Streams that have begun break with what they ran on; all else is answered elsewhere."""
    retries = await _proxy_retries(at)
    work = asyncio.create_task(at.traffic.send_all(at.urls, asks, 8, f"{what[11:]}-"))
    busiest = await _busiest(at)
    began = time.monotonic()
    await fault(busiest)
    view = await at.router.until(ready=ready, leases=None, seconds=_WITHIN)
    right = time.monotonic() - began
    answers = await work
    left = await at.router.until(ready=ready, seconds=_WITHIN)
    same, told = at.same_texts(answers)
    by_client = sum(one.retried for one in answers)
    by_proxy = max(0, await _proxy_retries(at) - retries)
    told += f"; asked again: {by_client} by the client, {by_proxy:.0f} by the proxy; fleet view "
    told += "NOT right in time" if view is None else f"right {right:.1f} s later"
    told += "; leases are LEFT" if left is None else "; no lease is left"
    good = same and view is not None and left is not None
    at.report.proved(what, good, f"{busiest.leases} leases on the busiest node: {told}")


async def _busiest(at: Stand) -> v1.Node:
    """The node with the most leases, once it decodes: what is killed takes some along."""
    deadline = time.monotonic() + 30
    while True:
        nodes = [node for node in await at.router.nodes() if node.state == v1.NODE_STATE_READY]
        busiest = max(nodes, key=lambda node: node.leases, default=None)
        if busiest is not None and busiest.leases > 2 and busiest.reported_running > 2:
            return busiest
        if time.monotonic() > deadline:
            raise StandError("the decode engines do not run what they were asked")
        await asyncio.sleep(0.02)


async def _proxy_retries(at: Stand) -> float:
    """Legs that the proxies have tried again, since they began."""
    total = 0.0
    for url in at.urls:
        try:
            async with at.session.get(f"{url}/metrics") as page:
                text = await page.text()
        except aiohttp.ClientError:
            continue
        found = re.findall(r"^eldr_proxy_retries_total\{[^}]*\} (\S+)$", text, re.MULTILINE)
        total += sum(float(value) for value in found)
    return total
