"""Whether placement by signature keeps kinds of prompts apart, and what decode steps then load."""

from __future__ import annotations

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from model import EXPERTS, LAYERS
from stand import Stand
from traffic import KINDS

from eldr import v1

# Clients that ask one request after the other, whichever kind is next; and requests of each kind.
_CLIENTS, _EACH, _OUTPUT = 8, 12, 256
# On a CPU a large batch costs little more than a small one, and the router learns that: without a
# limit it would put all requests onto one node, and be right.
_CAPACITY = 5
_POLICIES = ("least_loaded", "residency")
_MOST_TURNS = 4
# A batch that hardly any step had says nothing.
_FEW_STEPS = 20


@dataclass
class Steps:
    """Decode steps of one batch size."""

    number: int = 0
    distinct: float = 0.0

    @property
    def mean(self) -> float:
        return self.distinct / self.number


@dataclass
class Outcome:
    # The share of requests that went to the node of their kind, if each kind has its own.
    purity: float
    seconds: float
    steps: dict[int, Steps] = field(default_factory=lambda: defaultdict(Steps))
    requests: float = 0.0  # in all steps

    def add(self, stat: v1.StepStats) -> None:
        if stat.HasField("mean_distinct_experts"):
            steps = self.steps[stat.max_batch]
            steps.number += stat.steps
            steps.distinct += stat.steps * stat.mean_distinct_experts
            self.requests += stat.steps * stat.mean_batch

    def __str__(self) -> str:
        number = sum(steps.number for steps in self.steps.values())
        distinct = sum(steps.distinct for steps in self.steps.values())
        return (
            f"{self.purity:.0%} on the node of their kind; {number} steps of "
            f"{self.requests / number:.1f} requests: {distinct / number:.1f} of {LAYERS * EXPERTS} "
            f"experts a step, {distinct / self.requests:.1f} a token; {self.seconds:.0f} s"
        )


async def compare(at: Stand) -> None:
    """Both policies in turn; more often than twice if chance, or a busy machine, hides the rest.

    What a request costs is learned from steps that others on the machine make longer or shorter.
    """
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for turn in range(_MOST_TURNS):
        for policy in _POLICIES if turn % 2 == 0 else reversed(_POLICIES):
            await at.router.stop()
            at.router.policy(policy)
            await at.router.begin()
            await at.router.until(ready=len(at.decode), seconds=20)
            await at.router.limit_nodes(_CAPACITY)
            outcome = await _run(at, f"{policy}-{turn}-")
            outcomes[policy].append(outcome)
            at.report.told(f"placement by {policy}", str(outcome))
        by_load, by_experts = outcomes["least_loaded"], outcomes["residency"]
        pure, other = (fmean(one.purity for one in of_it) for of_it in (by_experts, by_load))
        fewer, more = _at_equal_batches(by_experts, by_load)
        saves = 0 < fewer < more
        if turn > 0 and saves:
            break
    await at.router.limit_nodes(0)
    # No proof: what it costs to mix them is little here, and what was learned of it differs.
    at.report.told(
        "kinds of prompts apart",
        f"{pure:.0%} on the node of their kind, by load alone {other:.0%}",
    )
    share = 1 - fewer / more if more else 0.0
    at.report.proved(
        "fewer distinct experts a decode step",
        saves,
        f"{fewer:.1f}, by load alone {more:.1f}, at equal batches: {share:.0%} fewer (a tiny "
        "random model: it says that it works, not what it is worth)",
    )


def _at_equal_batches(one: list[Outcome], other: list[Outcome]) -> tuple[float, float]:
    """The mean of each, as if both had had the steps of both."""
    sums = [_sum(of_it) for of_it in (one, other)]
    batches = [
        batch
        for batch in sorted(sums[0].keys() & sums[1].keys())
        if min(steps[batch].number for steps in sums) >= _FEW_STEPS
    ]
    weight = {batch: sums[0][batch].number + sums[1][batch].number for batch in batches}
    if not weight:
        return 0.0, 0.0
    first, second = (
        sum(steps[batch].mean * weight[batch] for batch in batches) / sum(weight.values())
        for steps in sums
    )
    return first, second


def _sum(outcomes: Iterable[Outcome]) -> dict[int, Steps]:
    total: dict[int, Steps] = defaultdict(Steps)
    for outcome in outcomes:
        for batch, steps in outcome.steps.items():
            total[batch].number += steps.number
            total[batch].distinct += steps.distinct
    return dict(total)


async def _run(at: Stand, prefix: str) -> Outcome:
    asks, kind_of = [], {}
    for kind in [*KINDS] * _EACH:
        asks.append(at.traffic.ask(48, _OUTPUT, alphabet=KINDS[kind]))
        kind_of[prefix + asks[-1].name] = kind
    at.traffic.chance.shuffle(asks)
    began, first = time.monotonic(), time.time()
    answers = await at.traffic.send_all(at.urls, asks, _CLIENTS, prefix)
    seconds = time.monotonic() - began
    failed = [one.fault for one in answers if not one.whole]
    assert not failed, failed
    await at.router.until(ready=len(at.decode))
    await at.router.heard(len(at.decode))
    nodes: dict[str, Counter[str]] = defaultdict(Counter)
    outcome = Outcome(0.0, seconds)
    for event in at.router.events():
        kind = event.WhichOneof("event")
        if kind == "placed" and event.placed.query.request_id in kind_of:
            nodes[kind_of[event.placed.query.request_id]][event.placed.node_id] += 1
        elif kind == "heartbeat" and event.time.ToMilliseconds() > first * 1e3:
            for stat in event.heartbeat.steps:
                outcome.add(stat)
    names = [node.spec.node_id for node in await at.router.nodes()]
    outcome.purity = max(
        sum(nodes[kind][name] for kind, name in zip(KINDS, order, strict=True))
        for order in itertools.permutations(names, len(KINDS))
    ) / len(kind_of)
    return outcome
