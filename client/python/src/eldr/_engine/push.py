"""Sends signatures from a thread of its own, so that the engine neither waits nor fails."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from eldr import v1
from eldr.client import Client
from eldr.errors import EldrError
from eldr.options import Options
from eldr.signature import Whole, encode_counts

_log = logging.getLogger("eldr.engine")

# How many stored blocks are remembered, so that none is sent twice; and how many go in one call.
_REMEMBERED_BLOCKS = 65_536
_BLOCKS_PER_CALL = 256


class Counts(Protocol):
    """Counts that are not there yet."""

    def wait(self) -> tuple[Whole, Whole]:
        """The counts of each run of tokens, [runs, layers * experts], and of how many tokens."""


@dataclass(frozen=True)
class Job:
    """A prompt that ended. With hashes `counts` has a run for each, and one of what is left."""

    request_id: str
    prompt_tokens: int
    external_tokens: int
    counts: Counts
    # What the engine calls the runs of `run_tokens` tokens that the prompt begins with.
    hashes: Sequence[bytes] = ()
    run_tokens: int = 0


@dataclass(frozen=True)
class DecodeJob:
    """A request that has decoded, under a lease: what it activated goes along with the release."""

    request_id: str
    lease_id: int
    output_tokens: int
    counts: Counts


class Pusher:
    """`outcomes` counts what became of the signatures. The first of each fault is logged.

    pushed, short (pushed, though tokens are missing that were computed here), empty (nothing was
    known, so nothing was pushed), decoded (of decode), blocks (of blocks), refused (by the router),
    failed (it was not reached), dropped (too many waited).
    """

    def __init__(
        self,
        options: Options,
        model: str,
        worker: str,
        capacity: int,
        make_client: Callable[[Options], Any] = Client,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._options = options
        self._model = model
        self._worker = worker[:256]
        self._make_client = make_client
        self._jobs: queue.Queue[Job | DecodeJob | None] = queue.Queue(capacity)
        self._told: set[str] = set()
        self._stored: OrderedDict[bytes, None] = OrderedDict()
        self._thread: threading.Thread | None = None

    def offer(self, job: Job | DecodeJob) -> None:
        """Never waits."""
        if self._thread is None:  # in the process that pushes, whatever forked it
            self._thread = threading.Thread(target=self._run, name="eldr-push", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._count("dropped", "%d signatures wait for the router", self._jobs.maxsize)

    def close(self, timeout: float = 2.0) -> None:
        """Sends what waits, as far as the time allows."""
        if self._thread is None:
            return
        try:
            self._jobs.put(None, timeout=timeout)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _run(self) -> None:
        with self._make_client(self._options) as client:
            while (job := self._jobs.get()) is not None:
                try:
                    if isinstance(job, Job):
                        self._push(client, job)
                    else:
                        self._release(client, job)
                except EldrError as error:
                    reached = error.code.name not in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
                    self._count("refused" if reached else "failed", "router: %s", error)
                    self._stored.clear()  # it may be another one by now, which has no block
                except Exception as error:  # whatever it is, the next one may be better
                    self._count("failed", "%r", error)

    def _push(self, client: Any, job: Job) -> None:
        counts, tokens = job.counts.wait()
        known = int(tokens.sum())
        blocks = _Blocks.of(job, tokens)
        if known == 0 and not blocks.named:
            # Prompts with KV from outside alone have none to tell; else capture does not work.
            if job.prompt_tokens > job.external_tokens:
                self._count("empty", "no expert was captured of request %s", job.request_id)
            return
        client.push_signature(self._signature(job, counts, tokens, blocks))
        self.outcomes["pushed"] += 1
        missing = job.prompt_tokens - job.external_tokens - known
        if missing > 0:
            self._count(
                "short", "of request %s %d tokens were not captured", job.request_id, missing
            )
        self._store(client, job, counts, blocks)

    def _signature(
        self, job: Job, counts: Whole, tokens: Whole, blocks: _Blocks
    ) -> v1.PushSignatureRequest:
        request = v1.PushSignatureRequest(
            model=self._model, request_id=job.request_id, prefill_worker=self._worker
        )
        own = int(tokens[blocks.own].sum())
        if own:
            total = counts[blocks.own].sum(axis=0)
            request.signature.CopyFrom(encode_counts(total, own, job.prompt_tokens))
        if blocks.named:
            request.blocks.hashes.extend(blocks.named)
            request.blocks.prompt_tokens = job.prompt_tokens
        return request

    def _store(self, client: Any, job: Job, counts: Whole, blocks: _Blocks) -> None:
        """Tells the router of the blocks that are whole here and that it was not told of."""
        new = [place for place in blocks.whole if job.hashes[place] not in self._stored]
        for start in range(0, len(new), _BLOCKS_PER_CALL):
            request = v1.UpdateBlocksRequest(model=self._model, prefill_worker=self._worker)
            for place in new[start : start + _BLOCKS_PER_CALL]:
                signature = encode_counts(counts[place], job.run_tokens)
                request.stored.add(hash=job.hashes[place], signature=signature)
            client.update_blocks(request)
            self.outcomes["blocks"] += len(request.stored)
        for place in blocks.whole:
            self._stored[job.hashes[place]] = None
            self._stored.move_to_end(job.hashes[place])
        while len(self._stored) > _REMEMBERED_BLOCKS:
            self._stored.popitem(last=False)

    def _release(self, client: Any, job: DecodeJob) -> None:
        counts, tokens = job.counts.wait()
        request = v1.ReleaseLeaseRequest(output_tokens=job.output_tokens)
        request.lease.model = self._model
        request.lease.request_id = job.request_id
        request.lease.lease_id = job.lease_id
        known = int(tokens.sum())
        if known:
            request.decode_counts.CopyFrom(encode_counts(counts.sum(axis=0), known))
        client.release_lease(request)
        self.outcomes["decoded"] += 1

    def _count(self, outcome: str, why: str, *values: Any) -> None:
        self.outcomes[outcome] += 1
        if outcome not in self._told:
            self._told.add(outcome)
            _log.warning("signature %s (further ones are only counted): " + why, outcome, *values)


@dataclass(frozen=True)
class _Blocks:
    """What becomes of each run of a prompt."""

    # Places of the runs whose own counts are sent, and of those that are blocks known as a whole.
    own: list[int]
    whole: list[int]
    # The blocks of which the router may know more than this engine.
    named: list[bytes]

    @staticmethod
    def of(job: Job, tokens: Whole) -> _Blocks:
        hashes = len(job.hashes)
        known = np.asarray(tokens[:hashes])
        named = set(np.flatnonzero(known * 2 < job.run_tokens).tolist())
        return _Blocks(
            own=[place for place in range(len(tokens)) if place not in named],
            whole=np.flatnonzero(known == job.run_tokens).tolist(),
            named=[job.hashes[place] for place in sorted(named)],
        )
