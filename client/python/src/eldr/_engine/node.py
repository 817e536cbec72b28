"""The engine as a decode node: registered, reported, drained."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

from eldr._engine.config import Config
from eldr._reports import Load
from eldr.client import Client
from eldr.reporter import NodeReporter, node_spec


class DecodeNode:
    """Data-parallel ranks are nodes of their own that share their experts' weights.

    `rank` is None for an engine without them. `load` is called in a thread of the node's.
    """

    def __init__(
        self,
        config: Config,
        model: str,
        load: Callable[[], Load],
        *,
        engine: str,
        rank: int | None,
        kv_tokens: int,
    ) -> None:
        self._config = config
        self._load = load
        name = config.node_id or config.address
        self.spec = node_spec(
            name if rank is None else f"{name}-dp{rank}",
            model,
            config.address,
            dp_rank=rank,
            capacity=config.capacity,
            kv_capacity_tokens=kv_tokens,
            labels={"engine": engine},
            expert_group="" if rank is None else name,
            heartbeat_interval=config.heartbeat_interval,
        )
        self._reporter: NodeReporter | None = None
        self._client: Client | None = None
        self._closing = threading.Lock()

    def start(self) -> None:
        self._client = Client(self._config.options())
        self._reporter = NodeReporter(self._client, self.spec, self._load).start()

    def drain_at_sigterm(self) -> None:
        """Asks for no more placements when the process is told to end, and lets it go on to do so.

        For an engine that lets its requests finish then. Does nothing where the process has no
        handler for that, or this is not its main thread.
        """
        before = signal.getsignal(signal.SIGTERM)
        if not callable(before) or threading.current_thread() is not threading.main_thread():
            return
        told = threading.Event()

        def wait_and_drain() -> None:
            told.wait()
            reporter = self._reporter
            if reporter is not None:
                reporter.drain()

        # In a thread, as a handler may interrupt whoever holds the reporter's lock.
        threading.Thread(target=wait_and_drain, name="eldr-drain", daemon=True).start()

        def handle(number: int, frame: FrameType | None) -> None:
            told.set()
            before(number, frame)

        signal.signal(signal.SIGTERM, handle)

    def close(self) -> None:
        """It is gone from the fleet then."""
        with self._closing:
            if self._reporter is not None:
                self._reporter.close(leave=True)
                self._reporter = None
            if self._client is not None:
                self._client.close()
                self._client = None
