"""Keeps a decode node known to the daemon: registers it, reports its load, drains, removes it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import grpc

from eldr import v1
from eldr._reports import (
    DEFAULT_BUCKETS,
    Beat,
    Drain,
    Load,
    Register,
    Reports,
    Status,
    StepRecorder,
    to_duration,
)
from eldr._streams import Stream, ended
from eldr.client import Client
from eldr.errors import EldrError, RefusedError

__all__ = ["DEFAULT_BUCKETS", "Load", "NodeReporter", "Status", "StepRecorder", "node_spec"]

_log = logging.getLogger("eldr.reporter")

HeartbeatStream: TypeAlias = Stream[v1.HeartbeatRequest, v1.HeartbeatResponse]


def node_spec(
    node_id: str,
    model: str,
    address: str,
    *,
    dp_rank: int | None = None,
    capacity: int = 0,
    kv_capacity_tokens: int = 0,
    labels: dict[str, str] | None = None,
    expert_group: str = "",
    heartbeat_interval: float = 1.0,
    tokens_per_step: int = 0,
    incarnation: int | None = None,
) -> v1.NodeSpec:
    """A NodeSpec; its fields say what each argument means. The incarnation defaults to now."""
    return v1.NodeSpec(
        node_id=node_id,
        model=model,
        address=address,
        dp_rank=dp_rank,
        capacity=capacity,
        kv_capacity_tokens=kv_capacity_tokens,
        labels=labels,
        expert_group=expert_group,
        heartbeat_interval=to_duration(heartbeat_interval),
        tokens_per_step=tokens_per_step,
        incarnation=time.time_ns() // 1_000_000 if incarnation is None else incarnation,
    )


class NodeReporter:
    """Reports one node.

        with eldr.NodeReporter(client, eldr.node_spec("d0", "mixtral", "10.0.0.7:8000"), load):
            ...  # serve; `load()` is called for each heartbeat and returns a Load

    Registers the node, and again whenever the daemon does not know it (it restarted, or the node
    was removed); heartbeats at the spec's interval, or faster if the daemon's node_timeout asks for
    it, and at once when the daemon asks to confirm what runs. What finished and was not told yet
    is told in a later heartbeat. Steps whose heartbeat may or may not have been taken are dropped.

    `step()` is one round and never raises for what the daemon or the network does: see `status`.
    `start()` runs rounds in a thread until `close()`. `load` runs in that thread; what it raises is
    logged, and the heartbeat left out.
    """

    def __init__(
        self,
        client: Client,
        spec: v1.NodeSpec,
        load: Callable[[], Load],
        *,
        stream: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Heartbeats go over a stream, or each as a call of its own.

        ValueError if the spec has no incarnation or heartbeat interval.
        """
        self._client = client
        self._reports = Reports(spec, load)
        self._streaming = stream
        self._stream: HeartbeatStream | None = None
        self._now = now
        self._rounds = threading.Lock()  # one at a time
        self._woken = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> Status:
        return self._reports.status

    def step(self) -> float:
        """One act: registers, drains or heartbeats, whichever is due; nothing if none is.

        Returns how many seconds to wait before the next.
        """
        with self._rounds:
            act = self._reports.next(self._now())
            if isinstance(act, float):
                return act
            try:
                response = self._perform(act)
            except EldrError as error:
                self._reports.failed(act, error, self._now())
            else:
                self._reports.done(act, response, self._now())
            return self._reports.due_in(self._now())

    def start(self) -> NodeReporter:
        self._thread = threading.Thread(target=self._run, name="eldr-reporter", daemon=True)
        self._thread.start()
        return self

    def drain(self) -> None:
        """The node takes no new placements from the next round on, which is at once."""
        with self._rounds:
            self._reports.drain()
        self._woken.set()

    def wait_until_empty(self, timeout: float) -> bool:
        """Waits until a heartbeat told that nothing runs or queues. False: not within `timeout`.

        Needs `start()`.
        """
        deadline = self._now() + timeout
        while self._now() < deadline:
            if self._reports.is_empty():
                return True
            time.sleep(min(0.05, self._reports.interval))
        return False

    def close(self, *, leave: bool = True) -> None:
        """Stops reporting. `leave`: and removes the node, whose leases then end.

        Where a node may not remove itself, its silence makes it lost after the daemon's
        node_timeout.
        """
        self._stop = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
        self._drop_stream()
        if leave and self.status.registered and not self.status.superseded:
            try:
                self._client.remove_node(v1.RemoveNodeRequest(node_id=self._reports.node_id))
            except EldrError as error:
                _log.warning("node %s: not removed: %s", self._reports.node_id, error)

    def __enter__(self) -> NodeReporter:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop:
            wait = self.step()
            self._woken.wait(min(wait, threading.TIMEOUT_MAX))
            self._woken.clear()

    def _perform(
        self, act: Register | Drain | Beat
    ) -> v1.RegisterNodeResponse | v1.DrainNodeResponse | v1.HeartbeatResponse:
        if isinstance(act, Register):
            return self._client.register_node(act.request)
        if isinstance(act, Drain):
            return self._client.drain_node(act.request)
        if not self._streaming:
            return self._client.heartbeat(act.request, timeout=self._reports.patience)
        try:
            return self._beat(act.request)
        except EldrError as error:
            if not isinstance(error, RefusedError):
                self._drop_stream()
            raise

    def _beat(self, request: v1.HeartbeatRequest) -> v1.HeartbeatResponse:
        stream, number = self._send(request)
        try:
            while (reply := stream.receive(self._reports.patience)) is not None:
                if reply.id == number:
                    return reply.result()
        except TimeoutError as error:
            raise EldrError(grpc.StatusCode.DEADLINE_EXCEEDED, str(error)) from None
        raise ended()

    def _send(self, request: v1.HeartbeatRequest) -> tuple[HeartbeatStream, int]:
        """A stream that ended since the last heartbeat has not taken this one: by a new one."""
        if self._stream is not None:
            with contextlib.suppress(EldrError):
                return self._stream, self._stream.send(request)
        self._drop_stream()
        self._stream = self._client.stream_heartbeats()
        return self._stream, self._stream.send(request)

    def _drop_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None
