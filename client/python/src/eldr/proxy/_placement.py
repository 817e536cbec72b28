"""Where a request decodes: by the router, or in turn where it is not to be had."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from eldr import v1
from eldr._reports import to_duration
from eldr.aio import Client, LeaseKeeper
from eldr.engines import signature_of_body
from eldr.errors import EldrError
from eldr.proxy._metrics import Metrics
from eldr.proxy._pool import Engine, Pool
from eldr.proxy._settings import Settings, url_of

_log = logging.getLogger("eldr.proxy")

# How long a router that did not answer is not asked, so that not each request waits for it.
_AWAY_SECONDS = 0.5
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass
class Wish:
    """What is known of a request when it is placed."""

    model: str
    request_id: str
    sequences: int
    max_output_tokens: int | None = None
    context_tokens: int = 0
    prefill_worker: str = ""
    # The prefill's reply, which may hold the experts.
    reply: Any = None
    # Nodes and engines that failed this request.
    failed_nodes: list[str] = field(default_factory=list)
    failed_engines: list[Engine] = field(default_factory=list)


@dataclass(frozen=True)
class Chosen:
    engine: Engine
    # Empty, and no lease, if the router was not to be had.
    node_id: str = ""
    lease: LeaseKeeper | None = None


class Placement:
    """For one event loop."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        metrics: Metrics,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._away_until = -math.inf
        self._tasks: set[asyncio.Task[None]] = set()
        self._geometries: dict[str, v1.ModelGeometry] = {}
        self.decode = Pool(now)
        for url in settings.decode:
            self.decode.add(url_of(url))

    async def choose(self, wish: Wish) -> Chosen | None:
        """None if there is nowhere left to go."""
        if self._now() >= self._away_until:
            try:
                with self._metrics.place_seconds.time():
                    chosen = await self._by_router(wish)
            except EldrError as error:
                _log.warning("request %s: not placed: %s", wish.request_id, error)
                # With nodes excluded, "no node is eligible" says nothing of other requests.
                if error.code in _AWAY and not wish.failed_nodes:
                    self._away_until = self._now() + _AWAY_SECONDS
            else:
                self._metrics.placements.labels("router").inc()
                return chosen
        engine = self.decode.next_in_turn(wish.failed_engines)
        if engine is None:
            return None
        self._metrics.placements.labels("round_robin").inc()
        return Chosen(engine)

    def release(self, lease: LeaseKeeper, output_tokens: int | None) -> None:
        """In the background."""
        self._later(lease.release(output_tokens=output_tokens))

    async def close(self) -> None:
        """Waits for the releases that are under way."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _later(self, call: Coroutine[Any, Any, v1.ReleaseLeaseResponse]) -> None:
        async def run() -> None:
            try:
                await call
            except EldrError as error:  # the lease ends with its time to live
                _log.warning("a lease was not released: %s", error)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _by_router(self, wish: Wish) -> Chosen:
        request = v1.PlaceRequest(
            model=wish.model,
            request_id=wish.request_id,
            sequences=wish.sequences,
            context_tokens=wish.context_tokens,
            max_output_tokens=wish.max_output_tokens,
            exclude_nodes=wish.failed_nodes,
            prefill_worker=wish.prefill_worker[:256],
            lease_ttl=to_duration(self._settings.lease_ttl),
            signature_wait=to_duration(self._settings.signature_wait),
        )
        signature = await self._harvest(wish)
        if signature is not None:
            request.signature.CopyFrom(signature)
            request.ClearField("signature_wait")
        try:
            placed = await self._client.place(request)
        except (EldrError, asyncio.CancelledError) as error:
            if not isinstance(error, EldrError) or error.code in _AWAY:
                # The router may have placed it all the same.
                key = v1.LeaseKey(model=wish.model, request_id=wish.request_id)
                self._later(self._client.release_lease(v1.ReleaseLeaseRequest(lease=key)))
            raise
        node = placed.node
        dp_rank = node.dp_rank if node.HasField("dp_rank") else None
        engine = self.decode.add(url_of(node.address), dp_rank)
        return Chosen(engine, node.node_id, self._client.keep_lease(request, placed))

    async def _harvest(self, wish: Wish) -> v1.ExpertSignature | None:
        """The signature of experts that the engine returned in its reply."""
        if not _may_hold_experts(wish.reply):
            return None
        try:
            geometry = await self._geometry(wish.model)
            signature = signature_of_body(wish.reply, geometry)
        except ValueError as error:
            self._metrics.signatures.labels("refused").inc()
            _log.warning("request %s: experts of its prefill refused: %s", wish.request_id, error)
            return None
        if signature is not None:
            self._metrics.signatures.labels("sent").inc()
        return signature

    async def _geometry(self, model: str) -> v1.ModelGeometry:
        if model not in self._geometries:
            described = await self._client.describe_model(v1.DescribeModelRequest(name=model))
            self._geometries[model] = described.model.geometry
        return self._geometries[model]


def _may_hold_experts(reply: Any) -> bool:
    if not isinstance(reply, dict):
        return False
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, Sequence) and choices else {}
    keys = ("routed_experts", "sgl_ext")
    params = reply.get("kv_transfer_params")
    return (
        any(key in reply for key in ("prompt_routed_experts", "meta_info", "sglext"))
        or (isinstance(first, dict) and any(first.get(key) for key in keys))
        or (isinstance(params, dict) and "eldr_sig" in params)
    )
