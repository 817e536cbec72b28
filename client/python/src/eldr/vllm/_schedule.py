"""What the scheduler's side sees: prompts that end, KV that came from outside, steps, who runs.

Reads the scheduler's objects and nothing else: no torch, no vllm. Called by the engine core's
thread; `load` by any.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eldr import v1
from eldr._reports import Load
from eldr.vllm._hashes import BlockHashes
from eldr.vllm._ids import external_id, lease_id
from eldr.vllm._slots import slot_of
from eldr.vllm._steps import DecodeSteps


@dataclass(frozen=True)
class EndedPrompt:
    """A prompt of which the last token runs in this step."""

    request_id: str
    prompt_tokens: int
    # The KV blocks of its tokens, in order.
    blocks: tuple[int, ...]
    # How many of them have KV that was not computed here.
    external_tokens: int
    # The engine's names of the runs of tokens that it begins with; none unless they are asked for.
    hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Unknown:
    """Tokens whose KV came from outside: what their slots say of experts is of a former owner."""

    blocks: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class EndedDecode:
    """A request that is over: the tokens `begin` to `end` - 1 were run by decode steps."""

    request_id: str
    lease_id: int
    output_tokens: int
    blocks: tuple[int, ...]
    begin: int
    end: int


@dataclass
class Step:
    """What the worker's side has to know of a step; crosses to another process."""

    ended: list[EndedPrompt] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    # Of capture of decode: the slots of the step's tokens, if it only decodes, and its number;
    # requests that ended before it.
    number: int = 0
    decoding: list[int] = field(default_factory=list)
    decoded: list[EndedDecode] = field(default_factory=list)


@dataclass
class _Track:
    external_id: str
    lease_id: int
    prompt_tokens: int
    hashes: tuple[bytes, ...] = ()
    blocks: list[int] = field(default_factory=list)
    # Local prefix hits when it was last scheduled from the waiting queue.
    local_tokens: int = 0
    external_tokens: int = 0
    # How far its tokens were run.
    run_tokens: int = 0
    ended: bool = False


@dataclass(frozen=True)
class _DecodeStep:
    number: int
    began: float
    batch: int
    context_tokens: int


class Schedule:
    def __init__(
        self,
        group: int,
        block_size: int,
        now: Callable[[], float] = time.monotonic,
        *,
        capture_decode: bool = False,
        hashes: BlockHashes | None = None,
    ) -> None:
        self._group = group
        self._block_size = block_size
        self._now = now
        self._capture_decode = capture_decode
        self._hashes = hashes
        self._tracks: dict[str, _Track] = {}
        self._decoded: list[EndedDecode] = []
        self._number = 0
        # Prompts that were preempted in their middle and went on.
        self.resumed_prompts = 0
        self._lock = threading.Lock()  # of what `load` reads
        self._live: dict[str, int] = {}  # external id -> internal requests of it
        self._finished: list[v1.FinishedRequest] = []
        self._running = 0
        self._steps = DecodeSteps(capture_decode)
        # The last step that was scheduled, if it was one of decode alone.
        self._decode: _DecodeStep | None = None

    def new_request(self, request: Any) -> None:
        told = getattr(request, "kv_transfer_params", None)
        track = self._add(
            request.request_id,
            external_id(request.request_id, told),
            request.num_prompt_tokens,
            told,
        )
        if self._hashes is not None:
            track.hashes = self._hashes.of_prompt(request)

    def local_hits(self, request_id: str, tokens: int) -> None:
        """Asked once each time a request comes from the waiting queue."""
        track = self._tracks.get(request_id)
        if track is not None:
            track.local_tokens = tokens

    def finished(self, request: Any, blocks: Sequence[int] = ()) -> None:
        """`blocks` are those that it holds; a request that was preempted holds none."""
        track = self._tracks.pop(request.request_id, None)
        if track is None:
            return
        with self._lock:
            left = self._live.get(track.external_id, 1) - 1
            if left > 0:
                self._live[track.external_id] = left
            else:
                self._live.pop(track.external_id, None)
                self._finished.append(
                    v1.FinishedRequest(request_id=track.external_id, lease_id=track.lease_id)
                )
            if not self._live:
                # The engine idles: the time until the next step is not one of a step.
                self._decode = None
                self._running = 0
        # Without a lease it is not known which one to release: it may be another node's by now.
        if self._capture_decode and left <= 0 and track.lease_id:
            self._decoded.append(self._ended_decode(track, request, blocks))

    def step(self, output: Any) -> Step:
        """Of one SchedulerOutput."""
        self._number += 1
        step = Step(number=self._number, decoded=self._decoded)
        self._decoded = []
        decoding, context, slots = True, 0, []
        for track, computed, scheduled in self._scheduled(step, output):
            decodes = self._run(step, track, computed, scheduled)
            decoding, context = decoding and decodes, context + computed
            if self._capture_decode and decoding:
                slots += [
                    slot_of(track.blocks, self._block_size, token)
                    for token in range(computed, computed + scheduled)
                ]
        if self._capture_decode and decoding:
            step.decoding = slots
        self._time(len(output.num_scheduled_tokens), decoding, context)
        return step

    def experts(self, distinct: Mapping[int, int | None]) -> None:
        """How many distinct experts steps of decode activated, by the steps' numbers."""
        with self._lock:
            for number, experts in distinct.items():
                self._steps.experts(number, experts)

    def load(self, kv_usage: float | None) -> Load:
        """All that runs and queues, and what finished and stepped since the last call."""
        with self._lock:
            ids = list(self._live)
            sequences = sum(self._live.values())
            running = min(self._running, sequences)
            finished, self._finished = self._finished, []
            steps = self._steps.take()
        return Load(
            running=running,
            queued=sequences - running,
            kv_usage=kv_usage,
            running_request_ids=ids,
            complete=True,
            finished=finished,
            steps=steps,
        )

    def _scheduled(self, step: Step, output: Any) -> Iterator[tuple[_Track, int, int]]:
        """The requests that run: how many of their tokens are computed, how many run now."""
        numbers = output.num_scheduled_tokens
        for new in output.scheduled_new_reqs:
            track = self._tracks.get(new.req_id)
            if track is None:  # an engine that does not announce requests
                prompt = len(new.prompt_token_ids or ())
                track = self._add(new.req_id, external_id(new.req_id), prompt, None)
            track.blocks = list(new.block_ids[self._group])
            self._came_from_queue(step, track, new.num_computed_tokens)
            yield track, new.num_computed_tokens, numbers.get(new.req_id, 0)
        cached = output.scheduled_cached_reqs
        for place, request_id in enumerate(cached.req_ids):
            track = self._tracks.get(request_id)
            if track is None:
                continue
            computed, blocks = cached.num_computed_tokens[place], cached.new_block_ids[place]
            if request_id in cached.resumed_req_ids:
                self.resumed_prompts += not track.ended
                track.blocks = list(blocks[self._group]) if blocks else []
                self._came_from_queue(step, track, computed)
            elif blocks:
                track.blocks.extend(blocks[self._group])
            yield track, computed, numbers.get(request_id, 0)

    def _add(self, request_id: str, external: str, prompt_tokens: int, told: Any) -> _Track:
        track = self._tracks.get(request_id)
        if track is None:
            track = self._tracks[request_id] = _Track(external, lease_id(told), prompt_tokens)
            with self._lock:
                self._live[external] = self._live.get(external, 0) + 1
        return track

    def _came_from_queue(self, step: Step, track: _Track, computed: int) -> None:
        """Its computed tokens are local prefix hits, and beyond those loaded from outside."""
        local = min(track.local_tokens, computed)
        track.external_tokens = computed - local
        if track.external_tokens > 0:
            blocks = self._blocks(track.blocks, computed)
            step.unknown.append(Unknown(blocks, local, computed))

    def _run(self, step: Step, track: _Track, computed: int, scheduled: int) -> bool:
        """Whether the request decodes in this step."""
        track.run_tokens = computed + scheduled
        if not track.ended and track.run_tokens >= track.prompt_tokens:
            track.ended = True
            step.ended.append(
                EndedPrompt(
                    track.external_id,
                    track.prompt_tokens,
                    self._blocks(track.blocks, track.prompt_tokens),
                    min(track.external_tokens, track.prompt_tokens),
                    track.hashes,
                )
            )
        # A decode node computes the last token of a prompt that came from elsewhere: as a decode.
        return computed >= track.prompt_tokens or (
            scheduled == 1 and computed == track.prompt_tokens - 1
        )

    def _ended_decode(self, track: _Track, request: Any, blocks: Sequence[int]) -> EndedDecode:
        # The last token that was made was not run; and a step may have been scheduled for nothing.
        end = min(track.run_tokens, request.num_tokens - 1, len(blocks) * self._block_size)
        return EndedDecode(
            track.external_id,
            track.lease_id,
            request.num_output_tokens,
            self._blocks(blocks, end),
            min(track.prompt_tokens, end),
            end,
        )

    def _blocks(self, blocks: Sequence[int], tokens: int) -> tuple[int, ...]:
        return tuple(blocks[: -(-tokens // self._block_size)])

    def _time(self, batch: int, decoding: bool, context: int) -> None:
        """A step lasts until the next one is scheduled, unless the engine had nothing to do."""
        now = self._now()
        with self._lock:
            if self._decode is not None:
                last = self._decode
                self._steps.timed(last.number, last.batch, now - last.began, last.context_tokens)
            self._running = batch
            self._decode = (
                _DecodeStep(self._number, now, batch, context) if batch and decoding else None
            )
