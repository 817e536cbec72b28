"""Runs one test against both clients: the calls of the one for threads are awaited in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import eldr
import eldr.aio

# What does not wait in asyncio either.
_PLAIN = ("keep_lease", "error", "detach", "cancel")


class Threaded:
    """Awaitable methods over blocking ones."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.wrapped, name)
        keeper = isinstance(self.wrapped, eldr.LeaseKeeper) and name == "close"
        if not callable(value):
            return value
        if keeper or name in _PLAIN or name.startswith(("stream_", "watch_")):
            return lambda *arguments, **named: _wrap(value(*arguments, **named))

        async def call(*arguments: Any, **named: Any) -> Any:
            return await asyncio.to_thread(value, *arguments, **named)

        return call


def _wrap(result: Any) -> Any:
    wrapped = isinstance(result, eldr.Stream | eldr.LeaseKeeper)
    return Threaded(result) if wrapped else result


KINDS = ("threads", "asyncio")


def with_client(
    kind: str, options: eldr.Options, body: Callable[[Any], Awaitable[None]], **more: Any
) -> None:
    """Runs `body` with a client of the kind."""

    async def run() -> None:
        client: Any
        if kind == "asyncio":
            async with eldr.aio.Client(options, **more) as client:
                await asyncio.wait_for(body(client), 60)
        else:
            with eldr.Client(options, **more) as client:
                await asyncio.wait_for(body(Threaded(client)), 60)

    asyncio.run(run())
