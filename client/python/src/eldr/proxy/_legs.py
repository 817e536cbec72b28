"""The legs of a request: what goes to an engine, and its reply to the client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from eldr.proxy import _bodies as bodies
from eldr.proxy._metrics import Metrics
from eldr.proxy._placement import Wish
from eldr.proxy._pool import Engine

_log = logging.getLogger("eldr.proxy")

# Statuses that say something of the engine and not of the request: another one may do.
_ENGINE_FAULTS = frozenset({429, 500, 502, 503, 504})
# And of those, with which an engine says that it has not begun the request.
_NOT_BEGUN = frozenset({429, 503})
# What may happen to a leg that is nobody's fault but the engine's or the network's.
BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
_PASSED_BACK = ("Content-Type", "Retry-After")


class LegError(Exception):
    """A leg that failed on its engine; `reached` tells if that may have begun it."""

    def __init__(self, what: str, reached: bool) -> None:
        super().__init__(what)
        self.reached = reached


class PrefillGoneError(LegError):
    """The prefill beside a decode failed: the decode node is not to blame."""


class FinalError(Exception):
    """The reply that the client gets: nobody else would answer otherwise."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass
class Request:
    """One request on its way."""

    path: str
    identity: str
    headers: dict[str, str]
    body: bodies.Body
    arrived: float
    wish: Wish
    # The prefill's reply, once there is one.
    prefilled: Any = None
    # Whether the client has got a part of the reply.
    started: bool = False
    # Whether the client gets no more than a part.
    broken: bool = False
    # What the reply told that it generated.
    output_tokens: int | None = None

    @property
    def streamed(self) -> bool:
        return self.body.get("stream") is True


async def prefill(
    session: aiohttp.ClientSession,
    request: Request,
    engine: Engine,
    body: bodies.Body,
    timeout: aiohttp.ClientTimeout,
) -> Any:
    """The engine's whole reply, parsed."""
    try:
        async with session.post(
            engine.url + request.path, json=body, headers=request.headers, timeout=timeout
        ) as reply:
            content = await reply.read()
    except BROKEN as error:
        raise LegError(_told(error), reached=True) from None
    _check_status(reply, content)
    try:
        return json.loads(content)
    except ValueError:
        raise LegError("its reply is not JSON", reached=True) from None


async def prefill_beside(
    session: aiohttp.ClientSession, request: Request, engine: Engine, body: bodies.Body
) -> None:
    """A prefill whose reply nobody needs: the decode side answers the client."""
    try:
        async with session.post(
            engine.url + request.path, json=body, headers=request.headers
        ) as reply:
            if reply.status in _ENGINE_FAULTS:
                raise LegError(f"status {reply.status}", reached=True)
            async for _ in reply.content.iter_any():
                pass
    except BROKEN as error:
        raise LegError(_told(error), reached=True) from None


async def decode(
    session: aiohttp.ClientSession,
    metrics: Metrics,
    incoming: web.Request,
    request: Request,
    engine: Engine,
    body: bodies.Body,
) -> web.StreamResponse:
    """Passes the engine's reply on. LegError as long as the client has got nothing of it."""
    headers = dict(request.headers)
    if engine.dp_rank is not None:
        headers["X-data-parallel-rank"] = str(engine.dp_rank)
    try:
        reply = await session.post(engine.url + request.path, json=body, headers=headers)
    except aiohttp.ClientConnectorError as error:
        raise LegError(_told(error), reached=False) from None
    except BROKEN as error:
        raise LegError(_told(error), reached=True) from None
    async with reply:
        if request.streamed and reply.status == 200:
            return await _stream(metrics, incoming, request, reply)
        try:
            content = await reply.read()
        except BROKEN as error:
            raise LegError(_told(error), reached=True) from None
        _check_status(reply, content)
        metrics.first_byte_seconds.observe(time.monotonic() - request.arrived)
        tokens = bodies.OutputTokens(streamed=False)
        tokens.feed(content)
        response = web.Response(body=content, status=200, headers=passed_back(reply))
        request.output_tokens = tokens.count
        return response


async def _stream(
    metrics: Metrics, incoming: web.Request, request: Request, reply: aiohttp.ClientResponse
) -> web.StreamResponse:
    chunks = reply.content.iter_any()
    try:
        first = await anext(chunks, b"")
    except BROKEN as error:
        raise LegError(_told(error), reached=True) from None
    if not first:
        raise LegError("it ended its stream before the first token", reached=True)
    response = web.StreamResponse(headers=passed_back(reply))
    tokens = bodies.OutputTokens(streamed=True)
    request.started = True
    await response.prepare(incoming)
    metrics.first_byte_seconds.observe(time.monotonic() - request.arrived)
    try:
        chunk = first
        while chunk:
            tokens.feed(chunk)
            await response.write(chunk)
            chunk = await anext(chunks, b"")
    except BROKEN as error:
        # The client has a part: it must see that this is not the end. (If it is the client
        # that is gone, nobody is there to see it.)
        _log.warning("request %s: broke after its first token: %s", request.identity, error)
        if incoming.transport is not None:
            incoming.transport.abort()
        request.broken = True
    else:
        await response.write_eof()
    request.output_tokens = tokens.count
    return response


def _check_status(reply: aiohttp.ClientResponse, content: bytes) -> None:
    """LegError for the engine's faults; the request's own go back to the client."""
    if reply.status == 200:
        return
    if reply.status in _ENGINE_FAULTS:
        told = content[:200].decode("utf-8", "replace")
        raise LegError(f"status {reply.status}: {told}", reached=reply.status not in _NOT_BEGUN)
    raise FinalError(web.Response(status=reply.status, body=content, headers=passed_back(reply)))


def passed_back(reply: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: reply.headers[name] for name in _PASSED_BACK if name in reply.headers}


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


def error_reply(status: int, message: str) -> web.Response:
    """In OpenAI's form."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    told = {"error": {"message": message, "type": kind, "param": None, "code": status}}
    return web.json_response(told, status=status)
