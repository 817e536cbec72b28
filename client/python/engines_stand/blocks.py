"""Proofs of prompts whose KV is in a cache that engines share: the router knows their blocks."""

from __future__ import annotations

from model import EXPERTS, LAYERS
from signatures import pushed_of
from stand import BLOCK_RUN, Stand
from traffic import Ask

from eldr import v1
from support.small_engine import counts_of


async def prove(at: Stand, asks: list[Ask]) -> None:
    """Asks again what was asked before, once the engine has forgotten it and the cache has not."""
    assert at.prefill is not None
    prefix = "again-"
    async with at.session.post(f"{at.prefill.url}/reset_prefix_cache") as reply:
        assert reply.status == 200, await reply.text()
    before = await at.prefill.metric(at.session, "vllm:external_prefix_cache_hits_total")
    answers = await at.traffic.send_all(at.urls, asks, 1, prefix)
    hits = await at.prefill.metric(at.session, "vllm:external_prefix_cache_hits_total") - before
    same, told = at.same_texts(answers)
    pushes = await pushed_of(at.router, [prefix + ask.name for ask in asks])
    right = named = full = 0
    async with at.router.client() as client:
        for ask in asks:
            push = pushes[prefix + ask.name]
            runs = len(push.blocks.hashes)
            named += runs
            rest = at.truth.routes(ask.tokens).counts(runs * BLOCK_RUN)
            right += bool((counts_of(push.signature, LAYERS, EXPERTS) == rest).all())
            explained = await client.explain_placement(
                v1.ExplainPlacementRequest(model="tiny", request_id=prefix + ask.name)
            )
            full += explained.signature_quality == v1.SIGNATURE_QUALITY_FULL
    at.report.proved(
        "signatures of KV that came from a shared cache",
        same and right == full == len(asks) and hits > 0,
        f"{full} of {len(asks)} whole at the router, by {named} blocks that were stored before; "
        f"the rest of the prompts equal in {right}; {hits:.0f} tokens from outside; texts {told}",
    )
