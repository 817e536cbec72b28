"""What a node has to tell and has not told yet, and when: the state behind both reporters.

Nothing here calls or waits.
"""

from __future__ import annotations

import bisect
import itertools
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration

from eldr import v1
from eldr.errors import EldrError

log = logging.getLogger("eldr.reporter")

# What the daemon takes in one heartbeat.
MAX_IDS = 10_000
MAX_BUCKETS = 64
# Pauses after a refused registration: it may be refused for long, e.g. until the model is declared.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
# What is to go at once still waits this long, so that no answer makes a node call without end.
_AT_ONCE = 0.02
_LARGEST_BATCH = 1_000_000


def _bounds() -> tuple[int, ...]:
    """The sizes for which engines capture graphs, and powers of two beyond them: 63 bounds."""
    bounds = [1, 2, 4, *range(8, 257, 8), *range(272, 513, 16)]
    while bounds[-1] * 2 < _LARGEST_BATCH:
        bounds.append(bounds[-1] * 2)
    return (*bounds, _LARGEST_BATCH)


DEFAULT_BUCKETS = _bounds()


def to_duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


class StepRecorder:
    """Adds up decode steps by the size of their batch, as heartbeats tell them.

    Not thread-safe. `buckets` are the largest batches of each bucket, ascending, at most 64.
    """

    @dataclass
    class _Sums:
        steps: int = 0
        seconds: float = 0.0
        batch: float = 0.0
        context_tokens: float = 0.0
        with_context: int = 0
        experts: float = 0.0
        with_experts: int = 0

    def __init__(self, buckets: Sequence[int] = DEFAULT_BUCKETS) -> None:
        ascending = all(a < b for a, b in itertools.pairwise(buckets))
        if not 1 <= len(buckets) <= MAX_BUCKETS or buckets[0] < 1 or not ascending:
            raise ValueError(
                f"buckets are {list(buckets)}, expected 1 to {MAX_BUCKETS} ascending numbers of "
                "at least 1"
            )
        self._buckets = tuple(buckets)
        self._sums: dict[int, StepRecorder._Sums] = {}

    def add(
        self,
        batch: int,
        seconds: float,
        context_tokens: float | None = None,
        distinct_experts: float | None = None,
    ) -> None:
        """One decode step without any prefill. A batch over the last bound counts as of it."""
        if batch < 1 or not (seconds >= 0 and math.isfinite(seconds)):
            raise ValueError(
                f"a step of {batch} requests in {seconds} s, expected at least 1 in 0 s or more"
            )
        place = bisect.bisect_left(self._buckets, batch)
        bound = self._buckets[min(place, len(self._buckets) - 1)]
        sums = self._sums.setdefault(bound, StepRecorder._Sums())
        sums.steps += 1
        sums.seconds += seconds
        sums.batch += min(batch, bound)
        if context_tokens is not None:
            sums.context_tokens += context_tokens
            sums.with_context += 1
        if distinct_experts is not None:
            sums.experts += distinct_experts
            sums.with_experts += 1

    def take(self) -> list[v1.StepStats]:
        """What was added since the last call."""
        taken, self._sums = self._sums, {}
        stats = []
        for bound, sums in sorted(taken.items()):
            stat = v1.StepStats(
                max_batch=bound,
                steps=sums.steps,
                total_duration=to_duration(sums.seconds),
                mean_batch=sums.batch / sums.steps,
            )
            if sums.with_context:
                stat.mean_context_tokens = sums.context_tokens / sums.with_context
            if sums.with_experts:
                stat.mean_distinct_experts = sums.experts / sums.with_experts
            stats.append(stat)
        return stats


@dataclass
class Load:
    """What a node says of itself in one heartbeat."""

    # Sequences in its running batch, and queued for it.
    running: int = 0
    queued: int = 0
    # The share of its KV memory in use, 0 to 1, if known.
    kv_usage: float | None = None
    # Requests that run or queue on it. `complete`: all of them, so that the daemon can put its
    # books right.
    running_request_ids: Sequence[str] = ()
    complete: bool = False
    # Requests that finished, and decode steps, since the last time it was asked. A request whose
    # lease the node was told of is named with it in `finished`, else by its id.
    finished_request_ids: Sequence[str] = ()
    finished: Sequence[v1.FinishedRequest] = ()
    steps: Sequence[v1.StepStats] = ()


@dataclass(frozen=True)
class Register:
    request: v1.RegisterNodeRequest


@dataclass(frozen=True)
class Drain:
    request: v1.DrainNodeRequest


@dataclass(frozen=True)
class Beat:
    request: v1.HeartbeatRequest


# What is to be done now; a number: nothing for so many seconds.
Act: TypeAlias = "Register | Drain | Beat | float"


@dataclass
class Status:
    """How a node stands with the daemon."""

    registered: bool = False
    # The state in the last answer, and whether it is drained, by an operator or by itself.
    state: v1.NodeState = v1.NODE_STATE_UNSPECIFIED
    draining: bool = False
    # Leases that it holds by the daemon's count.
    leases: int = 0
    # A newer process has taken the node's id: this one should end. Nothing is reported any more.
    superseded: bool = False
    # What the last call ran into; None if it succeeded.
    error: EldrError | None = None


@dataclass
class _Untold:
    # Ids and leases (0: not known), in order, none twice.
    finished: dict[tuple[str, int], None] = field(default_factory=dict)
    steps: list[v1.StepStats] = field(default_factory=list)


class Reports:
    """Register, then a heartbeat each interval; anew when the daemon does not know the node.

    Each act that `next` hands out is answered by `done` or `failed`. Not thread-safe.
    """

    def __init__(self, spec: v1.NodeSpec, source: Callable[[], Load]) -> None:
        if not spec.incarnation:
            raise ValueError(
                "spec.incarnation is 0, expected a number that grows with every start "
                "of the node's process, e.g. its start time in milliseconds"
            )
        interval = spec.heartbeat_interval.ToTimedelta().total_seconds()
        if interval <= 0:
            raise ValueError(f"spec.heartbeat_interval is {interval} s, expected more than 0")
        self._spec = v1.NodeSpec()
        self._spec.CopyFrom(spec)
        self._source = source
        self._interval = interval
        self._untold = _Untold()
        self._due = -math.inf
        self._pause = _FIRST_PAUSE
        self._heard = False  # a heartbeat was taken since the registration
        self._drain_wanted = False
        self._drain_told = False
        self.status = Status()
        self._empty = False
        self._load_known = True

    @property
    def patience(self) -> float:
        """How long the answer to a heartbeat may take."""
        return max(self._interval, 1.0)

    @property
    def interval(self) -> float:
        return self._interval

    @property
    def node_id(self) -> str:
        return self._spec.node_id

    def is_empty(self) -> bool:
        """Whether the last heartbeat told that nothing runs or queues."""
        return self._empty

    def drain(self) -> None:
        """Asks the daemon, as the next act, for no more placements."""
        self._drain_wanted = True
        self._due = -math.inf

    def due_in(self, now: float) -> float:
        """Seconds until the next act; infinite if there is none any more."""
        return math.inf if self.status.superseded else max(0.0, self._due - now)

    def next(self, now: float) -> Act:
        if (wait := self.due_in(now)) > 0:
            return wait
        if not self.status.registered:
            return Register(v1.RegisterNodeRequest(node=self._spec))
        if self._drain_wanted and not self._drain_told:
            return Drain(v1.DrainNodeRequest(node_id=self.node_id))
        try:
            load = self._source()
        except Exception:
            if self._load_known:
                log.exception("node %s: its load is not known: no heartbeats", self.node_id)
            self._load_known = False
            self._due = now + self._interval
            return self._interval
        self._load_known = True
        return Beat(self._heartbeat(load))

    def done(
        self,
        act: Register | Drain | Beat,
        response: v1.RegisterNodeResponse | v1.DrainNodeResponse | v1.HeartbeatResponse,
        now: float,
    ) -> None:
        if self.status.error is not None:
            log.info("node %s: the daemon answers again", self.node_id)
        self.status.error = None
        if isinstance(response, v1.RegisterNodeResponse):
            self._registered(response)
        elif isinstance(response, v1.DrainNodeResponse):
            self._drain_told = True
            self.status.draining = True
        elif isinstance(act, Beat):
            self._told(act.request)
            self.status.state = response.state
            self.status.draining = response.draining
            self.status.leases = response.leases
            # The daemon asks for all that runs here; what did not fit this time goes at once too.
            at_once = response.confirm or bool(self._untold.finished)
            self._due = now + (_AT_ONCE if at_once else self._interval)
            self._pause = _FIRST_PAUSE
            self._heard = True

    def failed(self, act: Register | Drain | Beat, error: EldrError, now: float) -> None:
        if self.status.error is None or self.status.error.code is not error.code:
            log.warning("node %s: %s failed: %s", self.node_id, type(act).__name__, error)
        self.status.error = error
        refused = error.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)
        if isinstance(act, Register):
            # A newer process has the id. All else may pass: the model may be declared yet.
            self.status.superseded = error.code is grpc.StatusCode.FAILED_PRECONDITION
            self._back_off(now)
        elif refused:
            # Not known, or by another incarnation: nothing of a heartbeat was counted.
            self.status.registered = False
            if self._heard:
                self._due = now
            else:
                self._back_off(now)  # it took the registration and does not know the node
        elif isinstance(act, Drain):
            # A node may lack the right to: heartbeats go on, and tell whether it was drained.
            self._drain_told = error.code is grpc.StatusCode.PERMISSION_DENIED
            self._due = now + (0 if self._drain_told else self._interval)
        else:
            # Whether its steps were counted is not known, and twice would be wrong; to finish a
            # request twice is harmless.
            self._untold.steps = []
            self._due = now + self._interval

    def _back_off(self, now: float) -> None:
        self._due = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _registered(self, response: v1.RegisterNodeResponse) -> None:
        if response.HasField("node_timeout"):
            timeout = response.node_timeout.ToTimedelta().total_seconds()
            self._interval = min(self._interval, timeout / 3)
        self._drain_told = False
        self._heard = False
        self._due = -math.inf
        self.status.registered = True
        self.status.state = response.state
        log.info("node %s: registered", self.node_id)

    def _heartbeat(self, load: Load) -> v1.HeartbeatRequest:
        running = set(load.running_request_ids)
        self._empty = not running and load.running + load.queued == 0
        # An id that is told as finished late may name a new request by now; a lease does not.
        told = [(request, 0) for request in load.finished_request_ids]
        told += [(one.request_id, one.lease_id) for one in load.finished]
        untold = dict.fromkeys(
            (request, lease)
            for request, lease in (*self._untold.finished, *told)
            if lease or request not in running
        )
        self._untold.finished = untold
        self._untold.steps = merge_steps(self._untold.steps, load.steps)
        fitting = list(untold)[:MAX_IDS]
        return v1.HeartbeatRequest(
            node_id=self.node_id,
            incarnation=self._spec.incarnation,
            running=load.running,
            queued=load.queued,
            kv_usage=load.kv_usage,
            steps=self._untold.steps[:MAX_BUCKETS],
            running_request_ids=list(load.running_request_ids[:MAX_IDS]),
            finished_request_ids=[request for request, lease in fitting if not lease],
            finished=[
                v1.FinishedRequest(request_id=request, lease_id=lease)
                for request, lease in fitting
                if lease
            ],
            # A list that does not fit is not complete: leases must not end for want of room.
            complete_list=load.complete and len(load.running_request_ids) <= MAX_IDS,
        )

    def _told(self, request: v1.HeartbeatRequest) -> None:
        for finished in request.finished_request_ids:
            self._untold.finished.pop((finished, 0), None)
        for one in request.finished:
            self._untold.finished.pop((one.request_id, one.lease_id), None)
        self._untold.steps = []


def merge_steps(kept: Iterable[v1.StepStats], new: Iterable[v1.StepStats]) -> list[v1.StepStats]:
    """Statistics of both spans; means are weighted by steps."""
    merged: dict[int, v1.StepStats] = {}
    for stat in (*kept, *new):
        if not stat.steps:
            continue
        there = merged.get(stat.max_batch)
        if there is None:
            merged[stat.max_batch] = v1.StepStats()
            merged[stat.max_batch].CopyFrom(stat)
            continue
        steps = there.steps + stat.steps
        share = stat.steps / steps
        there.mean_batch += (stat.mean_batch - there.mean_batch) * share
        for name in ("mean_context_tokens", "mean_distinct_experts"):
            if there.HasField(name) and stat.HasField(name):
                mean = getattr(there, name)
                setattr(there, name, mean + (getattr(stat, name) - mean) * share)
            else:
                there.ClearField(name)  # not known of all
        there.steps = steps
        there.total_duration.FromNanoseconds(
            there.total_duration.ToNanoseconds() + stat.total_duration.ToNanoseconds()
        )
    return [merged[bound] for bound in sorted(merged)]
