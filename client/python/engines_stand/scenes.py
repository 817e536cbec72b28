"""What the stand does, in its order: engines start slowly, so each serves as much as it can."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import blocks
import cost
import faults
import handover
import placement
import prompts
import routed
import sources
from processes import Engine, StandError
from stand import CHUNKED, DECODE, PREFILL, Stand


async def run(at: Stand, only: list[str]) -> None:
    """`only`: of sources, prompts, cost, routed, placement, faults, nixl; empty: all."""

    def wanted(name: str) -> bool:
        return not only or name in only

    if wanted("sources"):
        await sources.prove(at)
    asks = routed.Asks(at)
    if any(wanted(name) for name in ("cost", "prompts", "routed", "faults", "nixl")):
        await _with_two_that_differ(at, asks, wanted)
    if any(wanted(name) for name in ("routed", "placement", "faults")):
        await _with_two_decode_engines(at, asks, wanted)
    if wanted("nixl"):
        await handover.prove(at, asks.handed)


async def _with_two_that_differ(
    at: Stand, asks: routed.Asks, wanted: Callable[[str], bool]
) -> None:
    at.report.say("starting two engines that differ in capture alone")
    plain = at.engine("plain", dataclasses.replace(CHUNKED, role=""))
    chunked = at.engine("chunked", CHUNKED)
    await at.up(plain, chunked)
    if wanted("cost"):
        await cost.measure(at, plain, chunked)
    if wanted("prompts"):
        await prompts.prove(at, chunked)
    await at.down(chunked)
    if wanted("prompts"):
        prompts.prove_middle(at, chunked)
    if any(wanted(name) for name in ("routed", "faults", "nixl")):
        at.report.say("the plain one answers what others will be asked")
        await at.ask_alone(plain, asks.all())
    await at.down(plain)


async def _with_two_decode_engines(
    at: Stand, asks: routed.Asks, wanted: Callable[[str], bool]
) -> None:
    prefill = await _start_three(at, proxies=2)
    if wanted("routed"):
        await routed.mixed(at, asks.mixed)
        await blocks.prove(at, asks.again)
        await routed.many(at, asks.many)
        await routed.aborts(at)
    if wanted("placement"):
        await placement.compare(at)
    if wanted("faults"):
        third = len(asks.faulty) // 3
        await faults.proxy(at, asks.faulty[:third])
        await faults.router(at, asks.faulty[third : 2 * third])
        await faults.decode(at, asks.faulty[2 * third :])
        await faults.ended(at, asks.faulty[:8])
    await at.down(prefill, *at.decode, *at.proxies)


async def _start_three(at: Stand, proxies: int) -> Engine:
    at.report.say("starting a prefill and two decode engines; their KV goes through a folder")
    prefill = at.prefill = at.engine("prefill", PREFILL)
    at.decode = [
        at.engine(f"decode-{core}", dataclasses.replace(DECODE, core=core)) for core in (0, 1)
    ]
    await at.up(prefill, *at.decode)
    await at.start_proxies(proxies, prefill)
    if await at.router.until(ready=2, seconds=30) is None:
        raise StandError(f"not both decode engines are nodes of eldrd:\n{at.decode[0].tail()}")
    return prefill


async def keep(at: Stand) -> None:
    """Starts a stand of three engines, and waits until it is ended."""
    prefill = await _start_three(at, proxies=1)
    print(
        f'\n  proxy      {at.urls[0]}   (OpenAI\'s API, model "tiny")'
        f"\n  eldrd      {at.router.target}   (gRPC; its pages: {at.router.http})"
        f"\n  prefill    {prefill.url}"
        + "".join(f"\n  decode     {one.url}" for one in at.decode)
        + f"\n  logs       {at.folder}/*.log\n\n"
        f"curl {at.urls[0]}/v1/completions -H 'Content-Type: application/json' \\\n"
        '  -d \'{"model": "tiny", "prompt": "hello", "max_tokens": 16}\'\n\n'
        "Ctrl-C ends it.",
        flush=True,
    )
    await asyncio.Event().wait()
