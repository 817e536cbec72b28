"""What capture costs: an engine with it and one without, on one core, turn by turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from model import LAYERS, TOP_K
from processes import KV_BYTES_PER_TOKEN, Engine
from stand import Stand
from traffic import Ask

_ROUNDS = 24
_PROMPT, _OUTPUT = 1_200, 48


@dataclass
class Cost:
    """Of one engine's requests: how long they took, and what its processes computed for them."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


async def measure(at: Stand, without: Engine, capturing: Engine) -> None:
    def prefill() -> Ask:
        return at.traffic.ask(_PROMPT, 1)

    def decode() -> Ask:
        return at.traffic.ask(8, _OUTPUT)

    engines = (without, capturing)
    for one in engines:  # whatever the first request of an engine has to set up
        for make in (prefill, decode):
            await at.traffic.send([one.url], make())
    costs = await _interleaved(at, engines, prefill)
    told = _told(costs, lambda s: f"{_PROMPT / s:.0f} tokens/s")
    at.report.told(f"cost: prefill of {_PROMPT} tokens", told)
    costs = await _interleaved(at, engines, decode)
    told = _told(costs, lambda s: f"{s / _OUTPUT * 1e3:.2f} ms a step")
    at.report.told("cost: decode of one request", told)
    at.report.told(
        "cost: memory",
        f"{LAYERS * TOP_K} bytes a KV token ({LAYERS} layers x top-{TOP_K}, one byte each), beside "
        f"{KV_BYTES_PER_TOKEN} of its KV",
    )


async def _interleaved(
    at: Stand, engines: tuple[Engine, Engine], make: Callable[[], Ask]
) -> tuple[Cost, Cost]:
    """Each engine goes first in every other round."""
    costs = (Cost(), Cost())
    for number in range(_ROUNDS):
        for place in (0, 1) if number % 2 else (1, 0):
            before = engines[place].processor_seconds()
            answer = await at.traffic.send([engines[place].url], make())
            if answer.whole:
                costs[place].seconds.append(answer.seconds)
                costs[place].processor.append(engines[place].processor_seconds() - before)
    return costs


def _told(costs: tuple[Cost, Cost], unit: Callable[[float], str]) -> str:
    # What others compute meanwhile makes an engine late, but hardly makes it compute more.
    best = [min(cost.seconds) for cost in costs]
    own = [statistics.median(cost.processor) for cost in costs]
    return (
        f"{unit(best[0])} without, {unit(best[1])} with ({_more(best)}; the best of "
        f"{len(costs[0].seconds)} each, in turn); processor time {own[0] * 1e3:.0f} and "
        f"{own[1] * 1e3:.0f} ms ({_more(own)}; medians)"
    )


def _more(pair: list[float]) -> str:
    return f"{(pair[1] / pair[0] - 1) * 100:+.1f} %"
