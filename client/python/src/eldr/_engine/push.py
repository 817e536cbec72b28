"""Sends signatures from a thread of its own, so that the engine neither waits nor fails."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from eldr import v1
from eldr.client import Client
from eldr.errors import EldrError
from eldr.options import Options
from eldr.signature import Whole, encode_counts

_log = logging.getLogger("eldr.engine")


class Counts(Protocol):
    """Counts that are not there yet."""

    def wait(self) -> tuple[Whole, int]:
        """The counts, layers * experts of them, and of how many tokens they are."""


@dataclass(frozen=True)
class Job:
    request_id: str
    prompt_tokens: int
    external_tokens: int
    counts: Counts


class Pusher:
    """`outcomes` counts what became of the signatures. The first of each fault is logged.

    pushed, short (pushed, though tokens are missing that were computed here), empty (nothing was
    known, so nothing was pushed), refused (by the router), failed (it was not reached), dropped
    (too many waited).
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
        self._jobs: queue.Queue[Job | None] = queue.Queue(capacity)
        self._told: set[str] = set()
        self._thread: threading.Thread | None = None

    def offer(self, job: Job) -> None:
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
                    self._push(client, job)
                except EldrError as error:
                    reached = error.code.name not in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
                    self._count("refused" if reached else "failed", "router: %s", error)
                except Exception as error:  # whatever it is, the next one may be better
                    self._count("failed", "%r", error)

    def _push(self, client: Any, job: Job) -> None:
        counts, tokens = job.counts.wait()
        if tokens == 0:
            # Prompts with KV from outside alone have none to tell; else capture does not work.
            if job.prompt_tokens > job.external_tokens:
                self._count("empty", "no expert was captured of request %s", job.request_id)
            return
        signature = encode_counts(counts, tokens, job.prompt_tokens)
        request = v1.PushSignatureRequest(
            model=self._model,
            request_id=job.request_id,
            prefill_worker=self._worker,
            signature=signature,
        )
        client.push_signature(request)
        self.outcomes["pushed"] += 1
        missing = job.prompt_tokens - job.external_tokens - tokens
        if missing > 0:
            self._count(
                "short", "of request %s %d tokens were not captured", job.request_id, missing
            )

    def _count(self, outcome: str, why: str, *values: Any) -> None:
        self.outcomes[outcome] += 1
        if outcome not in self._told:
            self._told.add(outcome)
            _log.warning("signature %s (further ones are only counted): " + why, outcome, *values)
