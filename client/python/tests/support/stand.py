"""A proxy, the engines that stand in behind it, and its router."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import eldr
import eldr.aio
from eldr import v1
from eldr.proxy import Prefill, Proxy, Settings
from support.engines import WORDS, FakeEngine
from support.real_daemon import Eldrd

TEXT = "".join(WORDS)
Start = Callable[..., Eldrd]


class Stand:
    """A proxy, its engines and its router."""

    def __init__(self, eldrd: Eldrd | None) -> None:
        self.eldrd = eldrd
        self.prefill = [FakeEngine(), FakeEngine()]
        self.decode = [FakeEngine(), FakeEngine()]
        self.router: eldr.aio.Client
        self.http: aiohttp.ClientSession
        self.url = ""

    async def post(
        self, body: dict[str, Any] | None = None, path: str = "/v1/completions", **headers: str
    ) -> tuple[int, Any]:
        asked = {"model": "m", "prompt": "p", "max_tokens": 4, **(body or {})}
        async with self.http.post(self.url + path, json=asked, headers=headers) as reply:
            return reply.status, await reply.json()

    async def text(self, request_id: str = "r", **more: Any) -> str:
        status, reply = await self.post(more, **{"X-Request-Id": request_id})
        assert status == 200, reply
        return str(reply["choices"][0]["text"])

    async def leases(self) -> dict[str, int]:
        nodes = await self.router.list_nodes(v1.ListNodesRequest())
        return {node.spec.node_id: node.leases for node in nodes.nodes}

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(1000):
            if await condition():
                return
            await asyncio.sleep(0.01)
        pytest.fail("it did not come about")

    async def no_lease_is_left(self) -> None:
        async def none() -> bool:
            return not any((await self.leases()).values())

        await self.until(none)

    async def metric(self, line: str) -> float:
        async with self.http.get(self.url + "/metrics") as reply:
            page = await reply.text()
        found = [row for row in page.splitlines() if row.startswith(line + " ")]
        assert found, page
        return float(found[0].split()[-1])


@contextlib.asynccontextmanager
async def stand(eldrd: Eldrd | None, **settings: Any) -> AsyncIterator[Stand]:
    made = Stand(eldrd)
    target = eldrd.target if eldrd is not None else "127.0.0.1:1"
    async with contextlib.AsyncExitStack() as stack:
        for engine in (*made.prefill, *made.decode):
            await engine.start()
            stack.push_async_callback(engine.stop)
        made.router = await stack.enter_async_context(
            eldr.aio.Client(eldr.Options(target=target, timeout=10))
        )
        if eldrd is not None:
            for number, engine in enumerate(made.decode):
                node = v1.NodeSpec(node_id=f"d{number}", model="m", address=engine.address)
                if number == 1:
                    node.dp_rank = 3
                await made.router.register_node(v1.RegisterNodeRequest(node=node))
        proxy = Proxy(
            Settings(
                prefill=tuple(Prefill(engine.url) for engine in made.prefill),
                router=eldr.Options(
                    target=target, timeout=10, retry=eldr.RetryOptions(max_attempts=2)
                ),
                **settings,
            )
        )
        runner = web.AppRunner(proxy.app, handler_cancellation=True)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        made.http = await stack.enter_async_context(aiohttp.ClientSession())
        yield made


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 60))
