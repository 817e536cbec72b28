"""Which requests a decode scheduler holds, read from its queues by another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from eldr._reports import Load, StepRecorder

# A request moves from queue to queue and may be missed by one look: only what was not there for
# this long, and not in two looks, has finished.
_GONE_SECONDS = 1.0


class Requests:
    """`load` is called by one thread, `step` by the scheduler's."""

    def __init__(self, scheduler: Any, now: Callable[[], float] = time.monotonic) -> None:
        self._scheduler = scheduler
        self._now = now
        # Request id -> when it was last seen, and in how many looks since then it was not.
        self._seen: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()
        self._steps = StepRecorder()
        self._last_decode: tuple[int, float, int, int] | None = None

    def step(self, batch: Any) -> None:
        """After a batch's result: a step lasts from its launch to the next one's."""
        if not batch.forward_mode.is_decode():
            self._last_decode = None
            return
        before = self._last_decode
        context = sum(request.seqlen for request in batch.reqs)
        self._last_decode = (batch.forward_iter, batch.launch_ts, len(batch.reqs), context)
        if before is None or batch.after_idle_gap or before[0] + 1 != batch.forward_iter:
            return
        if before[2] > 0 and batch.launch_ts >= before[1]:
            with self._lock:
                self._steps.add(before[2], batch.launch_ts - before[1], context_tokens=before[3])

    def load(self) -> Load:
        now = self._now()
        running, queued = self._look()
        for request in running | queued:
            self._seen[request] = (now, 0)
        finished = []
        for request, (last, missed) in list(self._seen.items()):
            if last == now:
                continue
            if missed >= 1 and now - last >= _GONE_SECONDS:
                del self._seen[request]
                finished.append(request)
            else:
                self._seen[request] = (last, missed + 1)
        with self._lock:
            steps = self._steps.take()
        return Load(
            running=len(running),
            queued=len(queued),
            running_request_ids=list(self._seen),
            complete=True,
            finished_request_ids=finished,
            steps=steps,
        )

    def _look(self) -> tuple[set[str], set[str]]:
        """Those that run and those that wait: their KV is on its way, or has no room yet."""
        scheduler = self._scheduler
        running: set[str] = set()
        for batch in (scheduler.running_batch, scheduler.last_batch, scheduler.cur_batch_for_debug):
            running |= _names(getattr(batch, "reqs", None))
        queued = _names(scheduler.waiting_queue)
        waiting = scheduler.disagg_decode_prealloc_queue
        if waiting is not None:
            for name in ("queue", "pending_reqs"):
                queued |= _names(one.req for one in list(getattr(waiting, name, ())))
            queued |= _names(waiting.retracted_queue)
        transferring = scheduler.disagg_decode_transfer_queue
        if transferring is not None:
            queued |= _names(one.req for one in list(transferring.queue))
        return running, queued - running


def _names(requests: Any) -> set[str]:
    # A list in one step, which another thread cannot change meanwhile.
    return {one.rid for one in list(requests or ()) if not one.finished()}
