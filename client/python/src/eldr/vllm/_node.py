"""The engine as a decode node: registered, reported, drained."""

from __future__ import annotations

import logging
import threading
from typing import Any

from eldr._reports import Load
from eldr.client import Client
from eldr.reporter import NodeReporter, node_spec
from eldr.vllm._config import Config
from eldr.vllm._schedule import Schedule

_log = logging.getLogger("eldr.vllm")


class DecodeNode:
    """Data-parallel ranks are nodes of their own that share their experts' weights."""

    def __init__(
        self, config: Config, model: str, schedule: Schedule, parallel: Any, kv_tokens: int
    ) -> None:
        self._config = config
        self._schedule = schedule
        # Known only once the scheduler has it.
        self.block_pool: Any = None
        name = config.node_id or config.address
        rank = None
        # Where each rank has an engine core of its own behind one address.
        if parallel.data_parallel_size > 1:
            rank = parallel.data_parallel_rank
        self.spec = node_spec(
            name if rank is None else f"{name}-dp{rank}",
            model,
            config.address,
            dp_rank=rank,
            capacity=config.capacity,
            kv_capacity_tokens=kv_tokens,
            labels={"engine": "vllm"},
            expert_group="" if rank is None else name,
            heartbeat_interval=config.heartbeat_interval,
        )
        self._reporter: NodeReporter | None = None
        self._client: Client | None = None
        self._closing = threading.Lock()

    def start(self) -> None:
        self._client = Client(self._config.options())
        self._reporter = NodeReporter(self._client, self.spec, self._load).start()

    def close(self) -> None:
        """Takes no more placements, and is gone from the fleet."""
        with self._closing:
            if self._reporter is not None:
                self._reporter.close(leave=True)
                self._reporter = None
            if self._client is not None:
                self._client.close()
                self._client = None

    def _load(self) -> Load:
        usage = None
        if self.block_pool is not None:
            usage = min(1.0, max(0.0, float(self.block_pool.get_usage())))
        return self._schedule.load(usage)
