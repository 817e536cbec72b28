"""What the scheduler's side sees: prompts that end, KV that came from outside, steps, who runs.

Reads the scheduler's objects and nothing else: no torch, no vllm. Called by the engine core's
thread; `load` by any.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eldr._reports import Load, StepRecorder
from eldr.vllm._ids import external_id


@dataclass(frozen=True)
class EndedPrompt:
    """A prompt of which the last token runs in this step."""

    request_id: str
    prompt_tokens: int
    # The KV blocks of its tokens, in order.
    blocks: tuple[int, ...]
    # How many of them have KV that was not computed here.
    external_tokens: int


@dataclass(frozen=True)
class Unknown:
    """Tokens whose KV came from outside: what their slots say of experts is of a former owner."""

    blocks: tuple[int, ...]
    begin: int
    end: int


@dataclass
class Step:
    """What the worker's side has to know of a step; crosses to another process."""

    ended: list[EndedPrompt] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)


@dataclass
class _Track:
    external_id: str
    prompt_tokens: int
    blocks: list[int] = field(default_factory=list)
    # Local prefix hits when it was last scheduled from the waiting queue.
    local_tokens: int = 0
    external_tokens: int = 0
    ended: bool = False


class Schedule:
    def __init__(
        self, group: int, block_size: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._group = group
        self._block_size = block_size
        self._now = now
        self._tracks: dict[str, _Track] = {}
        self._lock = threading.Lock()  # of what `load` reads
        self._live: dict[str, int] = {}  # external id -> internal requests of it
        self._finished: list[str] = []
        self._running = 0
        self._steps = StepRecorder()
        # When the last step was scheduled, if it was one of decode alone: its size and context.
        self._decode: tuple[float, int, int] | None = None

    def new_request(self, request: Any) -> None:
        told = getattr(request, "kv_transfer_params", None)
        self._add(
            request.request_id, external_id(request.request_id, told), request.num_prompt_tokens
        )

    def local_hits(self, request_id: str, tokens: int) -> None:
        """Asked once each time a request comes from the waiting queue."""
        track = self._tracks.get(request_id)
        if track is not None:
            track.local_tokens = tokens

    def finished(self, request_id: str) -> None:
        track = self._tracks.pop(request_id, None)
        if track is None:
            return
        with self._lock:
            left = self._live.get(track.external_id, 1) - 1
            if left > 0:
                self._live[track.external_id] = left
            else:
                self._live.pop(track.external_id, None)
                self._finished.append(track.external_id)
            if not self._live:
                # The engine idles: the time until the next step is not one of a step.
                self._decode = None
                self._running = 0

    def step(self, output: Any) -> Step:
        """Of one SchedulerOutput."""
        step = Step()
        decoding, context = True, 0
        for new in output.scheduled_new_reqs:
            track = self._tracks.get(new.req_id)
            if track is None:  # an engine that does not announce requests
                prompt = len(new.prompt_token_ids or ())
                track = self._add(new.req_id, external_id(new.req_id), prompt)
            track.blocks = list(new.block_ids[self._group])
            self._came_from_queue(step, track, new.num_computed_tokens)
            decodes = self._run(step, track, new.num_computed_tokens, output, new.req_id)
            decoding, context = decoding and decodes, context + new.num_computed_tokens
        cached = output.scheduled_cached_reqs
        for place, request_id in enumerate(cached.req_ids):
            track = self._tracks.get(request_id)
            if track is None:
                continue
            computed, blocks = cached.num_computed_tokens[place], cached.new_block_ids[place]
            if request_id in cached.resumed_req_ids:
                track.blocks = list(blocks[self._group]) if blocks else []
                self._came_from_queue(step, track, computed)
            elif blocks:
                track.blocks.extend(blocks[self._group])
            decodes = self._run(step, track, computed, output, request_id)
            decoding, context = decoding and decodes, context + computed
        self._time(len(output.num_scheduled_tokens), decoding, context)
        return step

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
            finished_request_ids=finished,
            steps=steps,
        )

    def _add(self, request_id: str, external: str, prompt_tokens: int) -> _Track:
        track = self._tracks.get(request_id)
        if track is None:
            track = self._tracks[request_id] = _Track(external, prompt_tokens)
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

    def _run(self, step: Step, track: _Track, computed: int, output: Any, request_id: str) -> bool:
        """Whether the request decodes in this step."""
        scheduled = output.num_scheduled_tokens.get(request_id, 0)
        if not track.ended and computed + scheduled >= track.prompt_tokens:
            track.ended = True
            step.ended.append(
                EndedPrompt(
                    track.external_id,
                    track.prompt_tokens,
                    self._blocks(track.blocks, track.prompt_tokens),
                    min(track.external_tokens, track.prompt_tokens),
                )
            )
        # A decode node computes the last token of a prompt that came from elsewhere: as a decode.
        return computed >= track.prompt_tokens or (
            scheduled == 1 and computed == track.prompt_tokens - 1
        )

    def _blocks(self, blocks: Sequence[int], tokens: int) -> tuple[int, ...]:
        return tuple(blocks[: -(-tokens // self._block_size)])

    def _time(self, batch: int, decoding: bool, context: int) -> None:
        """A step lasts until the next one is scheduled, unless the engine had nothing to do."""
        now = self._now()
        with self._lock:
            if self._decode is not None:
                began, size, tokens = self._decode
                self._steps.add(size, now - began, context_tokens=tokens)
            self._running = batch
            self._decode = (now, batch, context) if batch and decoding else None
