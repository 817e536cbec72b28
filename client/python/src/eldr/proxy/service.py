"""The proxy's HTTP side: takes requests, runs their legs, passes replies on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from eldr.aio import Client
from eldr.proxy import _bodies as bodies
from eldr.proxy import _legs as legs
from eldr.proxy._legs import FinalError, LegError, PrefillGoneError, Request
from eldr.proxy._metrics import Metrics
from eldr.proxy._placement import Chosen, Placement, Wish
from eldr.proxy._pool import Engine, Pool
from eldr.proxy._settings import SGLANG, Prefill, Settings

_log = logging.getLogger("eldr.proxy")

# On how many engines a leg is tried; and how many may begin it and fail, lest one request that
# breaks engines goes through all of them.
_MAX_ENGINES = 8
_MAX_BEGUN = 3


class Proxy:
    """`app` is the aiohttp application; one per event loop."""

    def __init__(self, settings: Settings) -> None:
        """ValueError if the router's options make no sense."""
        settings.router.check()
        self.settings = settings
        self.metrics = Metrics()
        self._prefill = Pool()
        self._workers = {one.url: one for one in settings.prefill}
        for url in self._workers:
            self._prefill.add(url)
        self._session: aiohttp.ClientSession | None = None
        self._placement: Placement | None = None
        self.app = web.Application(client_max_size=settings.max_body_bytes)
        self.app.cleanup_ctx.append(self._resources)
        self.app.add_routes(
            [
                web.post("/v1/completions", self._completions),
                web.post("/v1/chat/completions", self._completions),
                web.get("/v1/models", self._models),
                web.get("/metrics", self._metrics_page),
                web.get("/health", self._health),
            ]
        )

    async def _resources(self, _: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.settings.connect_timeout)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            Client(self.settings.router) as client,
        ):
            self._session = session
            self._placement = Placement(client, self.settings, self.metrics)
            yield
            await self._placement.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None  # noqa: S101  while the application runs
        return self._session

    @property
    def placement(self) -> Placement:
        assert self._placement is not None  # noqa: S101
        return self._placement

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _metrics_page(self, _: web.Request) -> web.Response:
        page = self.metrics.page()
        return web.Response(body=page, headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _models(self, request: web.Request) -> web.Response:
        tried: list[Engine] = []
        while (engine := self._prefill.least_loaded(tried)) is not None:
            tried.append(engine)
            with contextlib.suppress(*legs.BROKEN):
                headers = bodies.engine_headers(request.headers, bodies.request_id(request.headers))
                async with self.session.get(f"{engine.url}/v1/models", headers=headers) as reply:
                    return web.Response(
                        status=reply.status,
                        body=await reply.read(),
                        headers=legs.passed_back(reply),
                    )
        return legs.error_reply(503, "no prefill worker could be reached")

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        self.metrics.in_flight.inc()
        outcome = "disconnected"  # what a cancelled handler leaves
        try:
            response, broken = await self._serve(request)
            outcome = _outcome(response, broken)
            return response
        except web.HTTPException:  # aiohttp's own refusals, as of a body that is too large
            outcome = "client_error"
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            self.metrics.in_flight.dec()
            self.metrics.requests.labels(outcome).inc()

    async def _serve(self, incoming: web.Request) -> tuple[web.StreamResponse, bool]:
        """The reply, and whether the client got only a part of it."""
        try:
            body = json.loads(await incoming.read())
        except ValueError:
            return legs.error_reply(400, "the body is not JSON"), False
        if not isinstance(body, dict):
            return legs.error_reply(400, "the body is not a JSON object"), False
        request = self._request(incoming, body)
        try:
            if self.settings.engine == SGLANG:
                response = await self._serve_sglang(incoming, request)
            else:
                response = await self._serve_vllm(incoming, request)
        except FinalError as final:
            return final.response, False
        return response, request.broken

    def _request(self, incoming: web.Request, body: bodies.Body) -> Request:
        identity = bodies.request_id(incoming.headers)
        wish = Wish(
            model=self.settings.model or str(body.get("model", "")),
            request_id=identity,
            sequences=bodies.sequences(body),
            max_output_tokens=bodies.max_output_tokens(body),
        )
        headers = bodies.engine_headers(incoming.headers, identity)
        return Request(incoming.path, identity, headers, body, time.monotonic(), wish)

    # vLLM: prefill, place, decode.

    async def _serve_vllm(self, incoming: web.Request, request: Request) -> web.StreamResponse:
        if bodies.is_one_prompt(request.body):
            await self._prefill_vllm(request)

        async def decode(chosen: Chosen) -> web.StreamResponse:
            lease = 0 if chosen.lease is None else chosen.lease.key.lease_id
            body = bodies.vllm_decode(request.body, request.identity, request.prefilled, lease)
            return await self._decode(incoming, request, chosen.engine, body)

        async def again(error: LegError) -> None:
            # A decode node that had begun may have fetched the KV, which is then gone.
            if error.reached and request.prefilled is not None:
                await self._prefill_vllm(request)

        return await self._place_and(decode, request, again)

    async def _prefill_vllm(self, request: Request) -> None:
        body = bodies.vllm_prefill(request.body, request.identity)
        engine, request.prefilled = await self._prefill_anywhere(request, body)
        request.wish.prefill_worker = engine.url
        request.wish.reply = request.prefilled
        request.wish.context_tokens = bodies.prompt_tokens(request.prefilled)

    async def _prefill_anywhere(self, request: Request, body: bodies.Body) -> tuple[Engine, Any]:
        """The reply of the first prefill worker that gives one."""
        tried: list[Engine] = []
        begun = 0
        last = "there is none"
        while (engine := self._prefill.least_loaded(tried)) is not None and begun < _MAX_BEGUN:
            if tried:
                self.metrics.retries.labels("prefill").inc()
            tried.append(engine)
            try:
                with self._prefill.use(engine), self.metrics.prefill_seconds.time():
                    timeout = aiohttp.ClientTimeout(
                        total=self.settings.prefill_timeout,
                        sock_connect=self.settings.connect_timeout,
                    )
                    return engine, await legs.prefill(self.session, request, engine, body, timeout)
            except LegError as error:
                self._prefill.failed(engine)
                begun += error.reached
                last = f"{engine.url}: {error}"
                _log.warning("request %s: prefill on %s", request.identity, last)
        raise FinalError(
            legs.error_reply(503, f"no prefill worker took the request; the last one: {last}")
        )

    # SGLang: both legs at once, after the placement.

    async def _serve_sglang(self, incoming: web.Request, request: Request) -> web.StreamResponse:
        if self.settings.late_placement and bodies.is_one_prompt(request.body):
            await self._probe(request)

        async def pair(chosen: Chosen) -> web.StreamResponse:
            return await self._pair(incoming, request, chosen)

        async def again(_: LegError) -> None:
            return

        return await self._place_and(pair, request, again)

    async def _probe(self, request: Request) -> None:
        body = bodies.sglang_probe(request.body, request.identity)
        engine, reply = await self._prefill_anywhere(request, body)
        request.wish.prefill_worker = engine.url
        request.wish.reply = reply
        request.wish.context_tokens = bodies.prompt_tokens(reply)

    async def _pair(
        self, incoming: web.Request, request: Request, chosen: Chosen
    ) -> web.StreamResponse:
        engine = self._probed(request) or self._prefill.least_loaded()
        if engine is None:
            raise FinalError(legs.error_reply(503, "there is no prefill worker"))
        worker: Prefill = self._workers[engine.url]
        body = bodies.sglang_pair(request.body, request.identity, worker)
        with self._prefill.use(engine):
            prefill = asyncio.create_task(legs.prefill_beside(self.session, request, engine, body))
            decode = asyncio.create_task(self._decode(incoming, request, chosen.engine, body))
            try:
                await asyncio.wait({prefill, decode}, return_when=asyncio.FIRST_COMPLETED)
                gone = prefill.exception() if prefill.done() else None
                if gone is not None and not request.started:
                    # The decode side would wait for it for long.
                    self._prefill.failed(engine)
                    self.metrics.retries.labels("prefill").inc()
                    request.wish.prefill_worker = ""
                    raise PrefillGoneError(str(gone), reached=True)
                return await decode
            finally:
                prefill.cancel()
                decode.cancel()
                await asyncio.wait({prefill, decode})
                for task in (prefill, decode):
                    if not task.cancelled():
                        task.exception()  # or it is reported as never looked at

    def _probed(self, request: Request) -> Engine | None:
        """The worker whose radix cache holds the prompt."""
        return next((e for e in self._prefill if e.url == request.wish.prefill_worker), None)

    # Both.

    async def _place_and(
        self,
        run: Callable[[Chosen], Awaitable[web.StreamResponse]],
        request: Request,
        again: Callable[[LegError], Awaitable[None]],
    ) -> web.StreamResponse:
        """Runs the decode on the nodes that the router chooses, until one has answered."""
        wish = request.wish
        chosen: Chosen | None = None
        begun = 0
        last = "there is none"
        try:
            for _ in range(_MAX_ENGINES):
                chosen = await self._choose(wish, chosen)
                if chosen is None:
                    break
                try:
                    with self.placement.decode.use(chosen.engine):
                        return await run(chosen)
                except PrefillGoneError as error:
                    last = f"its prefill: {error}"
                except LegError as error:
                    self.placement.decode.failed(chosen.engine)
                    last = f"{chosen.engine.url}: {error}"
                    _log.warning("request %s: decode on %s", request.identity, last)
                    wish.failed_engines.append(chosen.engine)
                    if chosen.node_id:
                        wish.failed_nodes.append(chosen.node_id)
                    begun += error.reached
                    if begun == _MAX_BEGUN:
                        break
                    self.metrics.retries.labels("decode").inc()
                    await again(error)
            message = f"no decode node took the request; the last one: {last}"
            raise FinalError(legs.error_reply(503, message))
        finally:
            # Also when the client is gone and this task cancelled. The reply does not wait for it.
            if chosen is not None and chosen.lease is not None:
                self.placement.release(chosen.lease, request.output_tokens)

    async def _choose(self, wish: Wish, before: Chosen | None) -> Chosen | None:
        """The next node. A lease on the one before has moved to it, or is released."""
        chosen = await self.placement.choose(wish)
        if before is not None and before.lease is not None:
            if chosen is not None and chosen.lease is not None:
                before.lease.detach()
            else:
                before.lease.close()
        return chosen

    async def _decode(
        self, incoming: web.Request, request: Request, engine: Engine, body: bodies.Body
    ) -> web.StreamResponse:
        return await legs.decode(self.session, self.metrics, incoming, request, engine, body)


def _outcome(response: web.StreamResponse, broken: bool) -> str:
    if broken:
        return "broken"
    if response.status < 400:
        return "ok"
    return "client_error" if response.status < 500 else "failed"
