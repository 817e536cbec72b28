"""Compares what the router was told with the truth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from model import EXPERTS, LAYERS
from router import Router
from traffic import Answer
from truth import Truth

from eldr import v1
from support.small_engine import counts_of


@dataclass
class Compared:
    prompts: int = 0
    tokens: int = 0
    equal: int = 0
    near_ties: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    partial: int = 0

    @property
    def right(self) -> bool:
        # A gate that is undecided is rare: many of them would hide a fault.
        few = len(self.near_ties) <= max(2, self.prompts // 20)
        return not self.wrong and not self.missing and few and self.prompts > 0

    def __str__(self) -> str:
        told = f"{self.equal} of {self.prompts} prompts ({self.tokens} tokens) equal in every count"
        if self.partial:
            told += f", {self.partial} of KV from outside in part"
        if self.near_ties:
            told += f"; near-ties: {', '.join(self.near_ties)}"
        for name, what in (("WRONG", self.wrong), ("MISSING", self.missing)):
            if what:
                told += f"; {name}: {', '.join(what[:8])}"
        return told


def pushed(router: Router) -> dict[str, v1.PushSignatureRequest]:
    """The last push of each request, as the router's log has it."""
    return {
        event.signature_pushed.request_id: event.signature_pushed
        for event in router.events()
        if event.WhichOneof("event") == "signature_pushed"
    }


async def pushed_of(router: Router, names: Iterable[str]) -> dict[str, v1.PushSignatureRequest]:
    """Waits until the log has them: it is written a little later."""
    wanted = set(names)
    deadline = time.monotonic() + 10
    while True:
        got = pushed(router)
        if wanted <= set(got) or time.monotonic() > deadline:
            return got
        await asyncio.sleep(0.3)


async def compare(
    router: Router, truth: Truth, answers: Iterable[Answer], prefix: str = ""
) -> Compared:
    """Every answer's prompt, whichever engine answered it."""
    answers = list(answers)
    told = await pushed_of(router, (prefix + one.ask.name for one in answers))
    result = Compared()
    for answer in answers:
        await asyncio.sleep(0)  # engines' replies are read meanwhile
        tokens = answer.ask.tokens or answer.prompt_tokens
        _one(result, truth, prefix + answer.ask.name, tokens, told)
    return result


def _one(
    result: Compared,
    truth: Truth,
    name: str,
    tokens: list[int],
    told: dict[str, v1.PushSignatureRequest],
) -> None:
    result.prompts += 1
    result.tokens += len(tokens)
    if name not in told or not tokens:
        result.missing.append(name)
        return
    signature = told[name].signature
    routes = truth.routes(tokens)
    counts = counts_of(signature, LAYERS, EXPERTS)
    if signature.tokens < signature.prompt_tokens == len(tokens):
        # Its end was computed here, and maybe a prefix that was cached.
        most = routes.counts()
        (result.wrong if (counts > most).any() else []).append(name)
        result.partial += 1
    elif signature.tokens != len(tokens):
        result.wrong.append(f"{name} ({signature.tokens} of {len(tokens)} tokens)")
    elif (counts == routes.counts()).all():
        result.equal += 1
    elif (tie := routes.explains(counts)) is not None:
        result.near_ties.append(f"{name} (layer {tie[0]}, gap {tie[1]:.1e})")
    else:
        result.wrong.append(name)


def decode_records(router: Router) -> list[tuple[int, Any]]:
    """What requests decoded: (tokens, counts) of each, as the router recorded them."""
    return [
        (record.decode_counts.tokens, counts_of(record.decode_counts, LAYERS, EXPERTS))
        for record in router.captures()
        if record.WhichOneof("counts") == "decode_counts"
    ]
