"""Engines that stand in for real ones: they answer as a prefill worker and as a decode node."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import numpy as np
from aiohttp import web

WORDS = ["The ", "answer ", "is ", "42"]


class FakeEngine:
    """Keeps the requests it got; fails as it is told."""

    def __init__(self, experts: Any = None) -> None:
        self.got: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        # Of requests whose client went away before their end.
        self.cancelled: list[str] = []
        # What it returns as routed experts, [tokens, layers, top_k].
        self.experts = experts
        # A status to answer with, before anything.
        self.status = 200
        # Where a decode ends as if the engine had died: before its headers, before or after its
        # first token.
        self.dies = ""
        # Waited for before a prefill's reply and before a decode's second token.
        self.go = asyncio.Event()
        self.go.set()
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.got]

    async def start(self, port: int = 0) -> FakeEngine:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/completions", self._answer),
                web.post("/v1/chat/completions", self._answer),
                web.get("/v1/models", self._models),
            ]
        )
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m"}]})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((request.path, headers, body))
        if self.status != 200:
            return web.json_response({"error": {"message": "as asked"}}, status=self.status)
        try:
            if body.get("max_tokens") == 1:
                return await self._prefill(body)
            return await self._decode(request, body)
        except asyncio.CancelledError:
            self.cancelled.append(request.headers["X-Request-Id"])
            raise

    async def _prefill(self, body: dict[str, Any]) -> web.Response:
        await self.go.wait()
        choice: dict[str, Any] = {"index": 0, "text": WORDS[0], "finish_reason": "length"}
        if self.experts is not None:
            file = io.BytesIO()
            np.save(file, self.experts)
            choice["routed_experts"] = base64.b64encode(file.getvalue()).decode()
        asked = body.get("kv_transfer_params") or {}
        handed = {"do_remote_prefill": True, "remote_block_ids": [1, 2], "remote_host": "p0"}
        return web.json_response(
            {
                "choices": [choice],
                "usage": {"prompt_tokens": 5, "completion_tokens": 1},
                "kv_transfer_params": handed if asked.get("do_remote_decode") else None,
            }
        )

    async def _decode(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        usage = {"prompt_tokens": 5, "completion_tokens": len(WORDS)}
        if self.dies == "before headers":
            return _die(request)
        if not body.get("stream"):
            await self.go.wait()
            return web.json_response({"choices": [{"text": "".join(WORDS)}], "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if self.dies == "before the first token":
            return _die(request)
        for place, word in enumerate(WORDS):
            await response.write(b'data: {"choices": [{"text": "%s"}]}\n\n' % word.encode())
            if self.dies == "after the first token":
                return _die(request)
            if place == 0:
                await self.go.wait()
        await response.write(b'data: {"choices": [], "usage": {"completion_tokens": 4}}\n\n')
        await response.write(b"data: [DONE]\n\n")
        return response


def _die(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
