"""Proofs of KV that goes from engine to engine over NIXL."""

from __future__ import annotations

import dataclasses
import statistics

from processes import Kind
from signatures import compare
from stand import DECODE, Stand
from traffic import Ask


async def prove(at: Stand, asks: list[Ask]) -> None:
    prefill = at.engine("nixl-prefill", Kind("producer", core=0, beside="NixlConnector"))
    kind = dataclasses.replace(DECODE, core=1, beside="NixlConnector")
    decode = at.engine("nixl-decode", kind)
    at.report.say("starting a prefill and a decode engine that are joined by NIXL")
    await at.up(prefill, decode)
    at.decode, at.proxies = [decode], []
    await at.start_proxies(1, prefill)
    await at.router.until(ready=1, seconds=20)
    for at_a_time in (1, 6):
        prefix = f"nixl{at_a_time}-"
        answers = await at.traffic.send_all(at.urls, asks, at_a_time, prefix)
        same, told = at.same_texts(answers)
        median = statistics.median(one.seconds for one in answers)
        at.report.proved(
            f"texts, handed over by NIXL, {at_a_time} at a time",
            same,
            f"{told}, a request in {median:.2f} s",
        )
        compared = await compare(at.router, at.truth, answers, prefix)
        at.report.proved("signatures of them", compared.right, str(compared))
    hits = await decode.metric(at.session, "vllm:external_prefix_cache_hits_total")
    # All but a prompt's last token, of each prompt the first time; then they may be in the cache.
    handed = sum(len(ask.tokens) - 1 for ask in asks)
    at.report.proved(
        "KV was handed over and not computed again",
        hits >= handed * 0.9,
        f"{hits:.0f} tokens came from outside, {handed} in the prompts",
    )
    left = await at.router.until(ready=1)
    at.report.proved("no lease is left", left is not None, "" if left is not None else "some are")
    await at.down(prefill, decode, *at.proxies)
