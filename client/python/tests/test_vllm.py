"""The connector against vLLM's interfaces, driven by an engine in small."""

from __future__ import annotations

import logging
import pickle
import random
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import eldr
from eldr import v1
from support import fake_vllm
from support.fake_daemon import FakeDaemon
from support.fake_vllm import (
    FullAttentionSpec,
    KVConnectorRole,
    MoERunner,
    SlidingWindowSpec,
    as_tensor,
)
from support.real_daemon import Eldrd, wait_until
from support.small_engine import counts_of, truth
from support.vllm_stand import (
    BLOCK,
    EXPERTS,
    LAYERS,
    TOP_K,
    caches,
    connector,
    engine,
    prefill_config,
    pushed,
    request,
    vllm_modules,
)

vllm = pytest.fixture(autouse=True)(vllm_modules)


def test_pushes_each_prompts_exact_counts_whatever_the_scheduler_does(daemon: FakeDaemon) -> None:
    """Concurrent requests, chunks, shared prefixes, preemption, blocks that are used again."""
    seed = random.randrange(2**32)
    print("seed", seed)
    preemptions = 0
    for round_number in range(12):
        chance = random.Random(seed + round_number)
        daemon.calls.clear()
        with engine(
            daemon.target,
            chance,
            blocks=chance.choice([20, 28, 64]),
            budget=chance.choice([5, 9, 32]),
        ) as small:
            prompts: dict[str, list[int]] = {}
            prefixes = [[chance.randrange(50) for _ in range(20)] for _ in range(3)]
            while len(prompts) < 25 or small.busy():
                if len(prompts) < 25 and chance.random() < 0.5:
                    name = f"r{len(prompts)}"
                    shared = chance.choice(prefixes)[: chance.randrange(21)]
                    fresh = [chance.randrange(50) for _ in range(chance.randrange(1, 30))]
                    prompts[name] = shared + fresh
                    small.add(request(name, prompts[name], chance.randrange(1, 9)))
                small.step(preempt=0.1)
            preemptions += small.preemptions
        got = pushed(daemon)
        assert set(got) == set(prompts), seed
        for name, prompt in prompts.items():
            signature = got[name].signature
            assert signature.tokens == signature.prompt_tokens == len(prompt), (seed, name)
            expected = truth(prompt, LAYERS, EXPERTS, TOP_K)
            assert (counts_of(signature, LAYERS, EXPERTS) == expected).all(), (seed, name)
    assert preemptions > 50


def test_a_prompt_whose_kv_came_from_outside_gives_what_was_computed_here(
    daemon: FakeDaemon,
) -> None:
    with engine(daemon.target, random.Random(3)) as small:
        first = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
        small.add(request("first", first))
        while small.busy():
            small.step()
        # Its first two blocks are local hits; five tokens come from outside; the rest runs here.
        second = [*first[:8], 20, 21, 22, 23, 24, 25, 26]
        small.add(request("second", second, remote=13))
        # All but its last token comes from outside.
        small.add(request("third", [30, 31, 32, 33, 34], remote=4))
        while small.busy():
            small.step()
    got = pushed(daemon)
    signature = got["second"].signature
    assert (signature.tokens, signature.prompt_tokens) == (10, 15)
    here = truth(second[:8], LAYERS, EXPERTS, TOP_K) + truth(second, LAYERS, EXPERTS, TOP_K, 13)
    assert (counts_of(signature, LAYERS, EXPERTS) == here).all()
    assert (got["third"].signature.tokens, got["third"].signature.prompt_tokens) == (1, 5)


def test_rows_of_a_former_owner_are_not_taken_for_kv_from_outside(daemon: FakeDaemon) -> None:
    with engine(daemon.target, random.Random(4), blocks=8) as small:
        for number in range(6):  # all blocks have been written
            small.add(request(f"old{number}", [number] * 12))
            while small.busy():
                small.step()
        small.add(request("new", [40 + n for n in range(12)], remote=11))
        while small.busy():
            small.step()
    assert pushed(daemon)["new"].signature.tokens == 1


def test_pushes_before_the_step_that_ends_the_prompt_is_over(daemon: FakeDaemon) -> None:
    with engine(daemon.target, random.Random(5)) as small:
        small.add(request("r", [1, 2, 3], output=50))
        small.step()
        wait_until(lambda: bool(daemon.calls))


def test_metadata_crosses_to_another_process(daemon: FakeDaemon) -> None:
    with engine(daemon.target, random.Random(6)) as small:
        build = small.scheduler.build_connector_meta
        small.scheduler.build_connector_meta = lambda out: pickle.loads(pickle.dumps(build(out)))  # noqa: S301
        small.add(request("r", [1, 2, 3]))
        while small.busy():
            small.step()
    assert "r" in pushed(daemon)


def test_keeps_a_callback_that_was_bound_before(daemon: FakeDaemon) -> None:
    layer = MoERunner(0)
    seen: list[Any] = []
    layer.router.set_capture_fn(seen.append)
    worker = connector(prefill_config(daemon.target, [layer]), KVConnectorRole.WORKER)
    worker.register_kv_caches(caches())
    assert layer.router.capture_fn is not None
    ids = as_tensor([[0, 1]])
    mapping = {"model.layers.0.attn": as_tensor([2], np.int64)}
    with fake_vllm.forward_context(fake_vllm.ForwardContext(mapping)):
        layer.router.capture_fn(ids)
    assert seen[0] is ids
    assert worker._table.count(np.array([2])).wait()[1].tolist() == [1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"pipeline_parallel_size": 2}, "pipeline_parallel_size is 2"),
        ({"decode_context_parallel_size": 2}, "decode_context_parallel_size is 2"),
        ({"prefill_context_parallel_size": 4}, "prefill_context_parallel_size is 4"),
        ({"use_sequence_parallel_moe": True}, "sequence parallelism"),
        ({"layers": []}, "no MoE layer"),
        ({"layers": [MoERunner(0, monolithic=True)]}, "monolithic MoE kernel X"),
        ({"eager": False}, "--enforce-eager"),
    ],
)
def test_refuses_layouts_it_would_get_wrong_and_the_engine_goes_on(
    daemon: FakeDaemon, change: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    layers = change.pop("layers", [MoERunner(0)])
    eager = change.pop("eager", True)
    config = prefill_config(daemon.target, layers, **change)
    config.model_config.enforce_eager = eager
    worker = connector(config, KVConnectorRole.WORKER)
    worker.register_kv_caches(caches())
    assert why in worker.stopped
    assert why in caplog.text
    scheduler = connector(config, KVConnectorRole.SCHEDULER)
    worker.bind_connector_metadata(scheduler.build_connector_meta(_nothing()))
    worker.wait_for_save()
    worker.shutdown()
    assert not daemon.calls


def _nothing() -> Any:
    return SimpleNamespace(
        scheduled_new_reqs=[],
        scheduled_cached_reqs=SimpleNamespace(
            req_ids=[], resumed_req_ids=set(), new_block_ids=[], num_computed_tokens=[]
        ),
        num_scheduled_tokens={},
    )


def test_a_fault_of_its_own_never_reaches_the_engine(
    daemon: FakeDaemon, caplog: pytest.LogCaptureFixture
) -> None:
    config = prefill_config(daemon.target, [MoERunner(0)])
    scheduler = connector(config, KVConnectorRole.SCHEDULER)
    broken = SimpleNamespace(scheduled_new_reqs=None)
    metadata = scheduler.build_connector_meta(broken)
    assert scheduler.stopped is not None
    assert metadata.step.ended == []
    assert scheduler.get_num_new_matched_tokens(None, 3) == (0, False)
    assert scheduler.request_finished(None, []) == (False, None)
    scheduler.build_connector_meta(broken)
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1


def test_a_forward_never_fails_for_ids_it_does_not_expect(daemon: FakeDaemon) -> None:
    layer = MoERunner(0)
    worker = connector(prefill_config(daemon.target, [layer]), KVConnectorRole.WORKER)
    worker.register_kv_caches(caches())
    mapping = {"model.layers.0.attn": as_tensor([2], np.int64)}
    context = fake_vllm.ForwardContext(
        mapping, SimpleNamespace(num_tokens_across_dp_cpu=_Sizes(3, 4))
    )
    with fake_vllm.forward_context(context):
        assert layer.router.capture_fn is not None
        layer.router.capture_fn(as_tensor([[0, 1]]))
    worker.bind_connector_metadata(
        connector(
            prefill_config(daemon.target, [layer]), KVConnectorRole.SCHEDULER
        ).build_connector_meta(_nothing())
    )
    worker.wait_for_save()
    assert "1 rows, expected 3 of this rank or 7 of all" in worker.stopped


class _Sizes:
    """Tokens by data-parallel rank."""

    def __init__(self, *sizes: int) -> None:
        self.array = np.array(sizes)

    def __getitem__(self, key: Any) -> Any:
        return _Sizes(*self.array[key]) if isinstance(key, slice) else int(self.array[key])

    def sum(self) -> int:
        return int(self.array.sum())


@pytest.mark.parametrize("dispatched", [False, True])
def test_takes_the_rows_of_its_own_data_parallel_rank(daemon: FakeDaemon, dispatched: bool) -> None:
    layer = MoERunner(0)
    config = prefill_config(daemon.target, [layer], data_parallel_size=3, data_parallel_rank=1)
    worker = connector(config, KVConnectorRole.WORKER)
    worker.register_kv_caches(caches())
    mapping = {"model.layers.0.attn": as_tensor([2, 3], np.int64)}
    sizes = SimpleNamespace(num_tokens_across_dp_cpu=_Sizes(1, 2, 1))
    ids = [[0, 1], [2, 3], [4, 5], [6, 7]] if dispatched else [[2, 3], [4, 5]]
    with fake_vllm.forward_context(fake_vllm.ForwardContext(mapping, sizes)):
        assert layer.router.capture_fn is not None
        layer.router.capture_fn(as_tensor(ids))
    counts, tokens = worker._table.count(np.array([2, 3])).wait()
    assert tokens.tolist() == [2]
    assert counts[0].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_only_the_first_rank_of_tensor_parallelism_captures(
    daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_vllm.tp_group, "is_first_rank", False)
    layer = MoERunner(0)
    worker = connector(prefill_config(daemon.target, [layer]), KVConnectorRole.WORKER)
    worker.register_kv_caches(caches())
    assert layer.router.capture_fn is None
    assert worker.stopped is None


def test_takes_the_group_with_full_attention(daemon: FakeDaemon) -> None:
    config = prefill_config(daemon.target, [MoERunner(0)])
    specs = (SlidingWindowSpec(BLOCK), FullAttentionSpec(BLOCK))
    assert connector(config, KVConnectorRole.WORKER, 8, *specs)._group == 1
    asked = prefill_config(daemon.target, [], extra={"attention_group": 0})
    assert connector(asked, KVConnectorRole.WORKER, 8, *specs)._group == 0
    beyond = prefill_config(daemon.target, [], extra={"attention_group": 2})
    with pytest.raises(ValueError, match="attention_group is 2, expected less than 2"):
        connector(beyond, KVConnectorRole.WORKER, 8, *specs)


def test_a_key_that_makes_no_sense_stops_the_start(daemon: FakeDaemon) -> None:
    config = prefill_config(daemon.target, [], extra={"traget": "x"})
    with pytest.raises(ValueError, match='"traget" is not known'):
        connector(config, KVConnectorRole.SCHEDULER)


def decode_config(target: str, **parallel: Any) -> Any:
    extra = {"target": target, "address": "10.0.0.7:8000", "heartbeat_interval": 0.05}
    return fake_vllm.vllm_config(extra, [], role="kv_consumer", **parallel)


def test_a_decode_engine_is_a_node_while_it_runs(start_eldrd: Callable[..., Eldrd]) -> None:
    daemon = start_eldrd()
    with eldr.Client(eldr.Options(target=daemon.target)) as client:
        scheduler = connector(decode_config(daemon.target), KVConnectorRole.SCHEDULER)
        scheduler.bind_gpu_block_pool(SimpleNamespace(get_usage=lambda: 0.25))

        def node() -> Any:
            return next(iter(client.list_nodes(v1.ListNodesRequest()).nodes), None)

        wait_until(lambda: node() is not None and node().state == v1.NODE_STATE_READY, 20)
        assert node().spec.node_id == node().spec.address == "10.0.0.7:8000"
        assert node().spec.kv_capacity_tokens == 64 * BLOCK
        asked = v1.PlaceRequest(model="m", request_id="abc")
        client.place(asked)
        running = request("abc", [1, 2, 3])
        scheduler.on_new_request(running)
        scheduler.build_connector_meta(_nothing())
        wait_until(lambda: node().reported_queued == 1 and node().leases == 1, 20)
        assert node().reported_kv_usage == 0.25
        scheduler.request_finished(running, [])
        wait_until(lambda: node().leases == 0, 20)
        scheduler.shutdown()
        assert node() is None


def test_takes_no_placements_from_the_signal_to_end_on(
    start_eldrd: Callable[..., Eldrd], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an engine handles it: that lets its requests finish, and then shuts down."""
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    try:
        daemon = start_eldrd()
        with eldr.Client(eldr.Options(target=daemon.target)) as client:
            scheduler = connector(decode_config(daemon.target), KVConnectorRole.SCHEDULER)

            def nodes() -> Any:
                return client.list_nodes(v1.ListNodesRequest()).nodes

            wait_until(lambda: nodes() and nodes()[0].state == v1.NODE_STATE_READY, 20)
            assert not nodes()[0].draining
            signal.raise_signal(signal.SIGTERM)
            assert ended == [signal.SIGTERM]
            wait_until(lambda: nodes()[0].draining, 20)
            scheduler.shutdown()
            assert not nodes()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_leaves_signals_alone_that_nobody_handles(daemon: FakeDaemon) -> None:
    before = signal.getsignal(signal.SIGTERM)
    scheduler = connector(decode_config(daemon.target), KVConnectorRole.SCHEDULER)
    assert signal.getsignal(signal.SIGTERM) is before
    scheduler.shutdown()


def test_a_data_parallel_rank_is_a_node_of_its_own(daemon: FakeDaemon) -> None:
    config = decode_config(daemon.target, data_parallel_size=4, data_parallel_rank=2)
    scheduler = connector(config, KVConnectorRole.SCHEDULER)
    wait_until(lambda: "RegisterNode" in daemon.names())
    scheduler.shutdown()
    spec = daemon.calls[0][1].node
    assert (spec.node_id, spec.dp_rank) == ("10.0.0.7:8000-dp2", 2)
    assert spec.expert_group == "10.0.0.7:8000"
    assert spec.model == "m"
    assert daemon.names()[-1] == "RemoveNode"


def test_a_decode_engine_does_not_capture(daemon: FakeDaemon) -> None:
    layer = MoERunner(0)
    config = decode_config(daemon.target)
    config.compilation_config.static_forward_context = {"x": layer}
    worker = connector(config, KVConnectorRole.WORKER)
    worker.register_kv_caches(caches())
    assert layer.router.capture_fn is None
    assert not worker.requires_kv_delivery


def test_the_package_names_the_connector_and_nothing_else() -> None:
    import eldr.vllm

    assert eldr.vllm.EldrConnector.__name__ == "EldrConnector"
    with pytest.raises(AttributeError):
        eldr.vllm.Nothing  # noqa: B018
