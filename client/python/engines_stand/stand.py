"""The stand as a whole, as the proofs use it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from processes import Engine, Kind, Process, make_engine, until_healthy
from report import Report
from router import Proxy, Router
from traffic import Answer, Ask, Traffic
from truth import Truth

# Small: requests push each other out. With chunks of 256 tokens, and of one prompt at most 96 at a
# time, so that several are in their middle then.
CHUNKED = Kind(
    "producer",
    core=0,
    kv_tokens=4_096,
    budget=256,
    flags=("--long-prefill-token-threshold", "96", "--no-scheduler-reserve-full-isl"),
)
# With blocks' signatures, as its KV goes through a folder that engines share.
BLOCK_RUN = 64
PREFILL = Kind(
    "producer",
    core=None,  # so that it makes neither decode engine the slower one
    beside="ExampleConnector",
    extra={"block_tokens": BLOCK_RUN, "cache": "folder"},
    environment={"VLLM_SERVER_DEV_MODE": "1"},  # to empty its prefix cache
)
DECODE = Kind(
    "consumer",
    core=0,
    beside="ExampleConnector",
    extra={"capture_decode": True, "heartbeat_interval": 0.5},
)


@dataclass
class Stand:
    folder: Path
    report: Report
    session: aiohttp.ClientSession
    router: Router
    traffic: Traffic
    truth: Truth
    prefill: Engine | None = None
    decode: list[Engine] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    # What one engine without any of this answers, by the request's name.
    alone: dict[str, Answer] = field(default_factory=dict)
    _started: list[Process] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        return [proxy.url for proxy in self.proxies]

    def engine(self, name: str, kind: Kind) -> Engine:
        return make_engine(name, kind, self.folder, self.router.target)

    async def up(self, *engines: Engine) -> None:
        """Starts them at once."""
        for engine in engines:
            self._started.append(engine)
            await engine.start()
        await until_healthy(self.session, list(engines), 300)

    async def start_proxies(self, number: int, prefill: Engine) -> None:
        for _ in range(number):
            proxy = Proxy(len(self.proxies), self.router, [prefill.url], self.folder)
            self.proxies.append(proxy)
            self._started.append(proxy)
        await asyncio.gather(*(proxy.begin() for proxy in self.proxies))

    async def down(self, *processes: Process) -> None:
        await asyncio.gather(*(one.stop() for one in processes))

    async def close(self) -> None:
        await self.down(*self._started)
        await self.router.stop()

    async def ask_alone(self, engine: Engine, asks: Iterable[Ask]) -> None:
        asks = list(asks)
        for answer in await self.traffic.send_all([engine.url], asks, 8, "alone-"):
            self.alone[answer.ask.name] = answer

    def same_texts(self, answers: list[Answer]) -> tuple[bool, str]:
        """Whether all were answered, token for token as by one engine."""
        failed = [one for one in answers if not one.whole]
        other = [
            one
            for one in answers
            if one.whole
            and (one.tokens, one.text)
            != (self.alone[one.ask.name].tokens, self.alone[one.ask.name].text)
        ]
        told = f"{len(answers) - len(failed) - len(other)} of {len(answers)} as of one engine"
        if failed:
            first = failed[0]
            told += f"; {len(failed)} failed, as {first.ask.name}: {first.status} {first.fault}"
        if other:
            first = other[0]
            told += f"; other texts: {', '.join(one.ask.name for one in other[:6])}"
            told += f", as {first.tokens} for {self.alone[first.ask.name].tokens}"
        return not failed and not other and bool(answers), told
