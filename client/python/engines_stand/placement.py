"""Whether placement by signature keeps kinds of prompts apart, and what decode steps then load."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import fmean

from model import EXPERTS, LAYERS
from stand import Stand
from traffic import KINDS, Ask

from eldr import v1

_CLIENTS, _EACH, _OUTPUT = 8, 16, 64


@dataclass(frozen=True)
class Outcome:
    # The share of each kind's requests that went to the node where most of them went.
    purity: float
    steps: int
    batch: float
    # Distinct experts in a step, and in all steps by the tokens they made: what is loaded for each.
    distinct: float
    a_token: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.purity:.0%} of a kind on its node, {self.distinct:.1f} of {LAYERS * EXPERTS} "
            f"experts a step and {self.a_token:.1f} a token in {self.steps} steps of "
            f"{self.batch:.1f} requests"
        )


async def compare(at: Stand) -> None:
    """Each policy twice, in turn."""
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for turn, policy in enumerate(("least_loaded", "residency", "residency", "least_loaded")):
        await at.router.stop()
        at.router.policy(policy)
        await at.router.begin()
        await at.router.until(ready=len(at.decode), seconds=20)
        outcome = await _run(at, f"{policy}-{turn}-")
        outcomes[policy].append(outcome)
        at.report.told(f"placement by {policy}", f"{outcome}, {outcome.seconds:.0f} s")
    mean = {policy: fmean(one.distinct for one in of_it) for policy, of_it in outcomes.items()}
    pure = {policy: fmean(one.purity for one in of_it) for policy, of_it in outcomes.items()}
    token = {policy: fmean(one.a_token for one in of_it) for policy, of_it in outcomes.items()}
    at.report.proved(
        "kinds of prompts are kept apart",
        pure["residency"] > max(0.75, pure["least_loaded"] + 0.1),
        f"{pure['residency']:.0%} of a kind on one node, by load alone {pure['least_loaded']:.0%}",
    )
    at.report.proved(
        "fewer distinct experts a decode step",
        mean["residency"] < mean["least_loaded"] and token["residency"] < token["least_loaded"],
        f"{mean['residency']:.1f}, by load alone {mean['least_loaded']:.1f}; a token "
        f"{token['residency']:.1f} and {token['least_loaded']:.1f} (a tiny random model: it says "
        "that it works, not what it is worth)",
    )


async def _run(at: Stand, prefix: str) -> Outcome:
    asks = [_ask(at, kind) for _ in range(_EACH) for kind in KINDS]
    kind_of = {prefix + ask.name: kind for ask, kind in zip(asks, [*KINDS] * _EACH, strict=True)}
    # Who comes next is chance, not the turn of a kind.
    at.traffic.chance.shuffle(asks)
    began = time.monotonic()
    first = time.time()
    answers = await at.traffic.send_all(at.urls, asks, _CLIENTS, prefix)
    seconds = time.monotonic() - began
    assert all(one.whole for one in answers), [one.fault for one in answers if not one.whole]
    await at.router.until(ready=len(at.decode))
    await at.router.heard(len(at.decode))
    nodes: dict[str, Counter[str]] = defaultdict(Counter)
    steps: list[v1.StepStats] = []
    for event in at.router.events():
        if event.WhichOneof("event") == "placed" and event.placed.query.request_id in kind_of:
            nodes[kind_of[event.placed.query.request_id]][event.placed.node_id] += 1
        elif event.WhichOneof("event") == "heartbeat" and event.time.ToSeconds() >= first - 1:
            steps += [s for s in event.heartbeat.steps if s.HasField("mean_distinct_experts")]
    number = sum(stat.steps for stat in steps)
    batch = sum(stat.mean_batch * stat.steps for stat in steps) / number
    distinct = sum(stat.mean_distinct_experts * stat.steps for stat in steps) / number
    return Outcome(
        purity=sum(of.most_common(1)[0][1] / of.total() for of in nodes.values()) / len(nodes),
        steps=number,
        batch=batch,
        distinct=distinct,
        a_token=distinct / batch,
        seconds=seconds,
    )


def _ask(at: Stand, kind: str) -> Ask:
    return at.traffic.ask(48, _OUTPUT, alphabet=KINDS[kind])
