from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

import eldr
from eldr import v1
from eldr._engine.push import DecodeJob, Job, Pusher
from eldr.vllm._slots import PendingCounts
from support import fake_torch
from support.fake_daemon import FakeDaemon, fail
from support.real_daemon import wait_until


def job(
    name: str = "r", counts: Any = (2, 2, 0, 0), tokens: int = 2, prompt: int = 2, external: int = 0
) -> Job:
    values = fake_torch.Tensor(np.array([[*counts, tokens]], dtype=np.int32))
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


def blocks_job(name: str, counts: Any, tokens: Any, hashes: Any, prompt: int) -> Job:
    values = np.column_stack([np.array(counts), np.array(tokens)]).astype(np.int32)
    return Job(name, prompt, 0, PendingCounts(fake_torch.Tensor(values), None), hashes, 4)


def test_stores_whole_blocks_once_and_names_those_it_does_not_know(
    daemon: FakeDaemon, pusher: Pusher
) -> None:
    a, b = b"a" * 32, b"b" * 32
    # The first block is known here, the second came from outside, and two more tokens follow.
    counts, tokens = [[4, 4, 0, 0], [1, 1, 0, 0], [0, 0, 2, 2]], [4, 1, 2]
    pusher.offer(blocks_job("r", counts, tokens, [a, b], 10))
    pusher.offer(blocks_job("s", counts[:1], tokens[:1], [a], 4))
    wait_until(lambda: pusher.outcomes["pushed"] == 2)
    pusher.close()
    assert daemon.names() == ["PushSignature", "UpdateBlocks", "PushSignature"]
    push, update = daemon.calls[0][1], daemon.calls[1][1]
    assert list(push.blocks.hashes) == [b]
    assert push.blocks.prompt_tokens == push.signature.prompt_tokens == 10
    assert push.signature.tokens == 6
    assert push.signature.dense.data == bytes([4, 4, 2, 2])
    assert (update.model, update.prefill_worker) == ("m", "p0")
    (stored,) = update.stored
    assert (stored.hash, stored.signature.tokens) == (a, 4)
    assert not stored.signature.HasField("prompt_tokens")
    assert not daemon.calls[2][1].HasField("blocks")


def test_a_prompt_of_which_nothing_is_known_here_is_named_by_its_blocks(
    daemon: FakeDaemon, pusher: Pusher
) -> None:
    pusher.offer(blocks_job("r", [[0] * 4, [0] * 4], [0, 0], [b"a" * 32], 6))
    wait_until(lambda: pusher.outcomes["pushed"] == 1)
    push = daemon.calls[0][1]
    assert not push.HasField("signature")
    assert (list(push.blocks.hashes), push.blocks.prompt_tokens) == ([b"a" * 32], 6)


def test_a_router_that_was_away_is_told_of_blocks_again(daemon: FakeDaemon, pusher: Pusher) -> None:
    a = b"a" * 32
    pusher.offer(blocks_job("r", [[4, 4, 0, 0]], [4], [a], 4))
    wait_until(lambda: pusher.outcomes["blocks"] == 1)
    daemon.answers["PushSignature"] = [fail(grpc.StatusCode.UNAVAILABLE)]
    pusher.offer(blocks_job("s", [[4, 4, 0, 0]], [4], [a], 4))
    pusher.offer(blocks_job("t", [[4, 4, 0, 0]], [4], [a], 4))
    wait_until(lambda: pusher.outcomes["blocks"] == 2)


def test_releases_the_lease_of_what_decoded(daemon: FakeDaemon, pusher: Pusher) -> None:
    values = fake_torch.Tensor(np.array([[1, 2, 1, 0, 2]], dtype=np.int32))
    pusher.offer(DecodeJob("r", 17, 3, PendingCounts(values, None)))
    nothing = fake_torch.Tensor(np.zeros((1, 5), dtype=np.int32))
    pusher.offer(DecodeJob("s", 18, 1, PendingCounts(nothing, None)))
    wait_until(lambda: pusher.outcomes["decoded"] == 2)
    first, second = (request for _, request in daemon.calls)
    assert (first.lease.model, first.lease.request_id, first.lease.lease_id) == ("m", "r", 17)
    assert (first.output_tokens, first.decode_counts.tokens) == (3, 2)
    assert first.decode_counts.dense.data == bytes([1, 2, 1, 0])
    assert not second.HasField("decode_counts")
