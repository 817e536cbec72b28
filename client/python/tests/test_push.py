from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

import eldr
from eldr import v1
from eldr._engine.push import Job, Pusher
from eldr.vllm._slots import PendingCounts
from support import fake_torch
from support.fake_daemon import FakeDaemon, fail
from support.real_daemon import wait_until


def job(
    name: str = "r", counts: Any = (2, 2, 0, 0), tokens: int = 2, prompt: int = 2, external: int = 0
) -> Job:
    values = fake_torch.Tensor(np.array([*counts, tokens], dtype=np.int32))
    return Job(name, prompt, external, PendingCounts(values, None))


@pytest.fixture
def pusher(daemon: FakeDaemon) -> Iterator[Pusher]:
    retry = eldr.RetryOptions(max_attempts=1)
    options = eldr.Options(target=daemon.target, timeout=2, retry=retry)
    made = Pusher(options, "m", "p0", 4)
    yield made
    made.close()


def test_pushes_what_was_counted(daemon: FakeDaemon, pusher: Pusher) -> None:
    pusher.offer(job(prompt=5, external=3))
    wait_until(lambda: pusher.outcomes["pushed"] == 1)
    ((name, request),) = daemon.calls
    assert name == "PushSignature"
    assert (request.model, request.request_id, request.prefill_worker) == ("m", "r", "p0")
    assert (request.signature.tokens, request.signature.prompt_tokens) == (2, 5)
    assert request.signature.dense.data == bytes([2, 2, 0, 0])
    assert dict(pusher.outcomes) == {"pushed": 1}


def test_tells_what_is_missing_once(
    daemon: FakeDaemon, pusher: Pusher, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        pusher.offer(job(prompt=5))
        pusher.offer(job(counts=(0, 0, 0, 0), tokens=0))
    wait_until(lambda: pusher.outcomes["short"] + pusher.outcomes["empty"] == 4)
    pusher.offer(job(counts=(0, 0, 0, 0), tokens=0, external=2))  # there was nothing to know
    pusher.close()
    assert dict(pusher.outcomes) == {"pushed": 2, "short": 2, "empty": 2}
    assert len(daemon.calls) == 2
    assert len(caplog.records) == 2


def test_counts_what_the_router_refuses_and_goes_on(daemon: FakeDaemon, pusher: Pusher) -> None:
    daemon.answers["PushSignature"] = [
        fail(grpc.StatusCode.INVALID_ARGUMENT),
        fail(grpc.StatusCode.UNAVAILABLE),
        lambda _: v1.PushSignatureResponse(),
    ]
    for _ in range(3):
        pusher.offer(job())
    wait_until(lambda: sum(pusher.outcomes.values()) == 3)
    assert dict(pusher.outcomes) == {"refused": 1, "failed": 1, "pushed": 1}


def test_never_waits_for_a_router_that_hangs(daemon: FakeDaemon, pusher: Pusher) -> None:
    go = threading.Event()
    daemon.answers["PushSignature"] = lambda _: go.wait(20) and v1.PushSignatureResponse()
    pusher.offer(job())
    wait_until(lambda: len(daemon.calls) == 1)
    for _ in range(10):
        pusher.offer(job())
    assert pusher.outcomes["dropped"] == 6
    go.set()
    wait_until(lambda: pusher.outcomes["pushed"] == 5)
