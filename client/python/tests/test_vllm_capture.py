"""Capture of decode, and signatures of blocks, by an engine in small."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from eldr import v1
from support.fake_daemon import FakeDaemon
from support.small_engine import Request, SmallEngine, counts_of, truth
from support.vllm_stand import BLOCK, EXPERTS, LAYERS, TOP_K, engine, request, vllm_modules

vllm = pytest.fixture(autouse=True)(vllm_modules)

# The node's own reports would take the steps that the tests look at.
DECODE: dict[str, Any] = {
    "address": "10.0.0.7:8000",
    "capture_decode": True,
    "heartbeat_interval": 3600.0,
}


@contextlib.contextmanager
def decode_engine(target: str, chance: random.Random, **more: int) -> Iterator[SmallEngine]:
    with engine(target, chance, extra=DECODE, role="kv_consumer", **more) as small:
        small.scheduler._node.close()
        yield small


def steps_of(small: SmallEngine) -> list[v1.StepStats]:
    return list(small.scheduler._schedule.load(None).steps)


def test_tells_what_each_request_decoded_and_each_step_used(daemon: FakeDaemon) -> None:
    """With preemption, shared prefixes and blocks that are used again at once."""
    seed = random.randrange(2**32)
    print("seed", seed)
    preemptions = 0
    for number in range(8):
        chance = random.Random(seed + number)
        daemon.calls.clear()
        made: dict[str, Request] = {}
        room = {"blocks": chance.choice([20, 64]), "budget": chance.choice([9, 32])}
        with decode_engine(daemon.target, chance, **room) as small:
            while len(made) < 20 or small.busy():
                if len(made) < 20 and chance.random() < 0.3:
                    name = f"r{len(made)}"
                    prompt = [chance.randrange(50) for _ in range(chance.randrange(1, 30))]
                    told = {"eldr_request_id": name, "eldr_lease_id": len(made) + 1}
                    made[name] = request(
                        name, prompt, chance.randrange(1, 20), kv_transfer_params=told
                    )
                    small.add(made[name])
                small.step(preempt=0.05)
            small.step()  # as an engine does before it idles
            preemptions += small.preemptions
            stats = steps_of(small)
            of_steps = small.distinct
        releases = {r.lease.request_id: r for n, r in daemon.calls if n == "ReleaseLease"}
        assert set(releases) == set(made), seed
        for place, (name, one) in enumerate(made.items()):
            release = releases[name]
            assert release.lease.lease_id == place + 1
            assert release.output_tokens == one.num_output_tokens
            run = one.tokens[:-1]  # the last one was made and not run
            expected = truth(run, LAYERS, EXPERTS, TOP_K, one.prompt)
            assert release.decode_counts.tokens == len(run) - one.prompt, (seed, name)
            if len(run) > one.prompt:
                counts = counts_of(release.decode_counts, LAYERS, EXPERTS)
                assert (counts == expected).all(), (seed, name)
        # A step's time ends with the next one's start, so that those before idling have none.
        told_steps = sum(stat.steps for stat in stats)
        assert len(of_steps) * 0.5 < told_steps <= len(of_steps), seed
        assert all(stat.HasField("mean_distinct_experts") for stat in stats), seed
        means = [stat.mean_distinct_experts for stat in stats]
        assert min(of_steps) <= min(means) <= max(means) <= max(of_steps), seed
    assert preemptions > 10


def test_a_mean_is_of_exactly_the_steps_it_is_told_of(daemon: FakeDaemon) -> None:
    with decode_engine(daemon.target, random.Random(2)) as small:
        small.add(request("r", [1, 2, 3, 4, 5], output=30))
        while small.busy():
            small.step()
        (stat,) = steps_of(small)
        # Of the last step there is no time: the engine idles then.
        assert stat.steps == len(small.distinct) - 1
        assert stat.mean_distinct_experts == pytest.approx(np.mean(small.distinct[:-1]))


def test_without_capture_a_decode_engine_tells_of_steps_alone(daemon: FakeDaemon) -> None:
    from support.fake_vllm import KVConnectorRole, MoERunner
    from support.vllm_stand import connector, prefill_config

    layer = MoERunner(0)
    config = prefill_config(
        daemon.target, [layer], extra={**DECODE, "capture_decode": False}, role="kv_consumer"
    )
    worker = connector(config, KVConnectorRole.WORKER)
    worker.register_kv_caches({"model.layers.0.attn": None})
    assert layer.router.capture_fn is None
    assert worker.build_connector_worker_meta() is None


def test_what_one_engine_stored_completes_anothers_prompt(daemon: FakeDaemon) -> None:
    """Two engines with a cache that they share: the signature is whole on both."""
    prefix = [n % 50 for n in range(4 * BLOCK + 2)]
    shared = {"block_tokens": 2 * BLOCK, "cache": "shared"}
    with engine(daemon.target, random.Random(3), extra=shared) as first:
        first.add(request("first", prefix))
        while first.busy():
            first.step()
    second_prompt = [*prefix[: 4 * BLOCK], 41, 42, 43]
    with engine(daemon.target, random.Random(4), extra=shared) as second:
        second.add(request("second", second_prompt, remote=4 * BLOCK))
        while second.busy():
            second.step()
    blocks = {
        stored.hash: counts_of(stored.signature, LAYERS, EXPERTS)
        for name, update in daemon.calls
        if name == "UpdateBlocks"
        for stored in update.stored
    }
    pushes = {r.request_id: r for n, r in daemon.calls if n == "PushSignature"}
    assert {push.prefill_worker for push in pushes.values()} == {"shared"}
    assert pushes["first"].signature.tokens == len(prefix)
    assert not pushes["first"].HasField("blocks")
    push = pushes["second"]
    assert push.blocks.prompt_tokens == len(second_prompt)
    assert len(push.blocks.hashes) == 2
    composed: Any = sum(blocks[one] for one in push.blocks.hashes)
    composed = composed + counts_of(push.signature, LAYERS, EXPERTS)
    assert (composed == truth(second_prompt, LAYERS, EXPERTS, TOP_K)).all()


def test_blocks_are_not_hashed_by_each_engine_in_its_own_way(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.fake_vllm import KVConnectorRole
    from support.vllm_stand import connector, prefill_config

    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    config = prefill_config(daemon.target, [], extra={"block_tokens": 2 * BLOCK})
    config.cache_config.prefix_caching_hash_algo = "xxhash"
    with pytest.raises(ValueError, match="PYTHONHASHSEED"):
        connector(config, KVConnectorRole.SCHEDULER)
    config.cache_config.prefix_caching_hash_algo = "sha256"
    config.kv_transfer_config.kv_connector_extra_config["block_tokens"] = BLOCK + 1
    with pytest.raises(ValueError, match="expected a multiple"):
        connector(config, KVConnectorRole.SCHEDULER)


def test_a_wait_for_numbers_from_the_device_holds_up_no_step(daemon: FakeDaemon) -> None:
    """They are told with a later step."""
    from support.fake_torch import Event, Tensor

    with decode_engine(daemon.target, random.Random(5)) as small:
        from eldr.vllm._slots import PendingDistinct

        event = Event(None)
        event.record()
        small.worker._distinct = [(7, PendingDistinct(Tensor(np.array([5, 0])), event))]
        assert small.worker.build_connector_worker_meta() is None
        assert small.worker.build_connector_worker_meta().distinct == {7: 5}
