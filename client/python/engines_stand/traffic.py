"""What is sent: prompts of several kinds, streaming and not, and what came back."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from model import BYTES

# A kind of work is an alphabet: its prompts and its answers have no other tokens.
KINDS = {"a": range(16, 18), "b": range(136, 138)}


@dataclass
class Ask:
    """One request. `tokens` are its prompt, or `messages` are, which the engine tokenizes."""

    name: str
    tokens: list[int]
    output: int = 8
    stream: bool = False
    # Only these may be answered.
    alphabet: Sequence[int] = ()
    messages: list[dict[str, str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return "/v1/chat/completions" if self.messages else "/v1/completions"

    def body(self) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": "tiny",
            "max_tokens": self.output,
            "temperature": 0,
            "ignore_eos": True,
            "return_token_ids": True,
        }
        asked["messages" if self.messages else "prompt"] = self.messages or self.tokens
        if self.alphabet:
            asked["allowed_token_ids"] = list(self.alphabet)
        if self.stream:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        return asked


@dataclass
class Answer:
    ask: Ask
    status: int = 0
    text: str = ""
    tokens: list[int] = field(default_factory=list)
    prompt_tokens: list[int] = field(default_factory=list)
    seconds: float = 0.0
    fault: str = ""
    # Whether it was asked for again, after a connection that broke.
    retried: bool = False

    @property
    def whole(self) -> bool:
        return self.status == 200 and not self.fault and len(self.tokens) == self.ask.output


class Traffic:
    """Makes requests by chance, and sends them."""

    def __init__(self, session: aiohttp.ClientSession, seed: int) -> None:
        self._session = session
        self.chance = random.Random(seed)
        self._number = 0

    def ask(self, length: int, output: int = 8, prefix: Sequence[int] = (), **more: Any) -> Ask:
        alphabet = more.get("alphabet") or range(BYTES)
        fresh = [self.chance.choice(alphabet) for _ in range(length - len(prefix))]
        self._number += 1
        return Ask(f"r{self._number}", [*prefix, *fresh], output, **more)

    def chat(self, text: str, output: int = 8, stream: bool = False) -> Ask:
        self._number += 1
        messages = [{"role": "user", "content": text}]
        return Ask(f"r{self._number}", [], output, stream, messages=messages)

    async def send(self, urls: Sequence[str], ask: Ask, name: str = "") -> Answer:
        """To the first of `urls`; to the next if that one cannot be reached or breaks."""
        answer = Answer(ask)
        began = time.monotonic()
        for place, url in enumerate(urls):
            answer = Answer(ask, retried=place > 0)
            try:
                await self._one(url, ask, name or ask.name, answer)
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                answer.fault = f"{type(error).__name__}: {error}"
                continue
            break
        answer.seconds = time.monotonic() - began
        return answer

    async def send_all(
        self, urls: Sequence[str], asks: Sequence[Ask], at_a_time: int, prefix: str = ""
    ) -> list[Answer]:
        room = asyncio.Semaphore(at_a_time)

        async def one(ask: Ask) -> Answer:
            async with room:
                return await self.send(urls, ask, prefix + ask.name)

        return list(await asyncio.gather(*(one(ask) for ask in asks)))

    async def _one(self, url: str, ask: Ask, name: str, answer: Answer) -> None:
        headers = {"X-Request-Id": name}
        timeout = aiohttp.ClientTimeout(total=240)
        async with self._session.post(
            url + ask.path, json=ask.body(), headers=headers, timeout=timeout
        ) as reply:
            answer.status = reply.status
            if reply.status != 200:
                answer.fault = (await reply.text())[:300]
            elif ask.stream:
                async for line in reply.content:
                    if line.startswith(b"data: {"):
                        _take(answer, json.loads(line[6:]))
            else:
                _take(answer, await reply.json())


def _take(answer: Answer, told: dict[str, Any]) -> None:
    """A whole reply, or an event of a stream."""
    if "error" in told:
        answer.fault = str(told["error"])[:300]
    for choice in told.get("choices", ()):
        message = choice.get("message") or choice.get("delta") or {}
        answer.text += choice.get("text") or message.get("content") or ""
        answer.tokens += choice.get("token_ids") or []
        answer.prompt_tokens = (
            choice.get("prompt_token_ids") or told.get("prompt_token_ids") or answer.prompt_tokens
        )
