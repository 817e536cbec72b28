"""The plugin against SGLang's hooks and names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any

import pytest

import eldr
import eldr.sglang
from eldr import v1
from eldr.sglang._plugin import Plugin
from eldr.sglang._requests import Requests
from support import fake_sglang
from support.clock import FakeClock
from support.fake_daemon import FakeDaemon
from support.fake_sglang import Mode, Req, batch, random_rows
from support.real_daemon import Eldrd, wait_until

GEOMETRY = v1.ModelGeometry(layers=2, experts=8, top_k=2, moe_hidden_layers=[1, 2])


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A plugin on the hooks of a scheduler's class that is made anew."""

    def make(target: str, *, environment: dict[str, str] | None = None, **parallel: Any) -> Any:
        modules, scheduler, registry, capturer = fake_sglang.made(**parallel)
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        for name, value in {"ELDR_TARGET": target, **(environment or {})}.items():
            monkeypatch.setenv(name, value)
        plugin = Plugin()
        plugin.hook()
        return plugin, scheduler, registry, capturer

    return make


def described(_: Any) -> v1.DescribeModelResponse:
    return v1.DescribeModelResponse(model=v1.Model(name="m", geometry=GEOMETRY))


def prompt(name: str, place: int, tokens: int, **more: Any) -> Req:
    return Req(name, list(range(tokens)), kv=SimpleNamespace(req_pool_idx=place), **more)


def test_pushes_the_prompts_that_end_in_a_batch(daemon: FakeDaemon, stand: Any) -> None:
    daemon.answers["DescribeModel"] = described
    plugin, scheduler_class, _, capturer = stand(daemon.target, environment={"ELDR_WORKER": "p0"})
    scheduler = scheduler_class(Mode.PREFILL)
    ended, middle = prompt("a", 1, 6), prompt("b", 2, 9, inflight_middle_chunks=1)
    aborted = prompt("c", 3, 4, done=True)
    capturer.rows = {n: random_rows(n, 12, 4, 8, 2) for n in (1, 2, 3)}
    answer = scheduler.process_batch_result_disagg_prefill(batch([ended, middle, aborted]), None)
    assert answer == "done"
    scheduler.process_batch_result_disagg_prefill(batch([middle]), None)
    wait_until(lambda: daemon.names().count("PushSignature") == 2)
    plugin.close()
    pushes = [request for name, request in daemon.calls if name == "PushSignature"]
    for request, (name, place, tokens) in zip(pushes, (("a", 1, 6), ("b", 2, 9)), strict=True):
        builder = eldr.SignatureBuilder(GEOMETRY)
        builder.add_hidden_layer_tokens(capturer.rows[place][:tokens], 4)
        assert request == v1.PushSignatureRequest(
            model="m", request_id=name, prefill_worker="p0", signature=builder.build(tokens)
        )
    assert daemon.names().count("DescribeModel") == 1


@pytest.mark.parametrize(
    ("parallel", "server_args", "why"),
    [
        ({"pp_size": 2}, {}, "pipeline parallelism of 2"),
        ({}, {"enable_return_routed_experts": False}, "--enable-return-routed-experts is not set"),
    ],
)
def test_says_why_it_does_not_push(
    daemon: FakeDaemon,
    stand: Any,
    caplog: pytest.LogCaptureFixture,
    parallel: Any,
    server_args: Any,
    why: str,
) -> None:
    _, scheduler_class, _, _ = stand(daemon.target, **parallel)
    scheduler = scheduler_class(Mode.PREFILL, **server_args)
    scheduler.process_batch_result(batch([prompt("a", 1, 6)]), None)
    assert why in caplog.text
    assert scheduler.disagg_prefill_inflight_queue
    assert not daemon.calls


@pytest.mark.parametrize("parallel", [{"attn_tp_rank": 1}, {"pp_rank": 1}])
def test_one_process_of_a_rank_acts_for_all(
    daemon: FakeDaemon, stand: Any, parallel: dict[str, int]
) -> None:
    _, scheduler_class, _, _ = stand(daemon.target, **parallel)
    scheduler = scheduler_class(Mode.PREFILL)
    scheduler.process_batch_result(batch([prompt("a", 1, 6)]), None)
    assert not daemon.calls


def test_a_fault_of_its_own_never_reaches_the_engine(
    daemon: FakeDaemon, stand: Any, caplog: pytest.LogCaptureFixture
) -> None:
    plugin, scheduler_class, _, _ = stand(daemon.target)  # the capturer knows no request
    scheduler = scheduler_class(Mode.PREFILL)
    for _ in range(2):
        assert (
            scheduler.process_batch_result_disagg_prefill(batch([prompt("a", 1, 6)]), 0) == "done"
        )
    assert caplog.text.count("eldr pushes no more signatures") == 1
    plugin._requests = Requests(scheduler)
    unlike = batch([])
    unlike.forward_mode = None
    for _ in range(2):
        scheduler.process_batch_result(unlike, None)
    assert caplog.text.count("eldr reports no more steps") == 1
    plugin.close()


def test_settings_that_make_no_sense_stop_the_start(daemon: FakeDaemon, stand: Any) -> None:
    _, scheduler_class, _, _ = stand(daemon.target)
    with pytest.raises(ValueError, match=r'address is "", expected "host:port"'):
        scheduler_class(Mode.DECODE)


def test_a_decode_engine_is_a_node_with_all_its_requests(
    start_eldrd: Callable[..., Eldrd], stand: Any
) -> None:
    eldrd = start_eldrd()
    environment = {"ELDR_ADDRESS": "10.0.0.7:30000", "ELDR_HEARTBEAT_INTERVAL": "0.05"}
    plugin, scheduler_class, _, _ = stand(eldrd.target, environment=environment)
    scheduler = scheduler_class(Mode.DECODE)
    scheduler.running_batch.reqs = [Req("a", seqlen=10)]
    with eldr.Client(eldr.Options(target=eldrd.target)) as client:

        def node() -> Any:
            return next(iter(client.list_nodes(v1.ListNodesRequest()).nodes), None)

        wait_until(lambda: node() is not None and node().leases == 1, 20)  # a was adopted
        assert node().spec.kv_capacity_tokens == 4096
        assert node().spec.labels["engine"] == "sglang"
        assert node().reported_running == 1
        scheduler.running_batch.reqs = []
        wait_until(lambda: node().leases == 0, 20)
        plugin.close()
        assert node() is None


def test_a_data_parallel_rank_is_a_node_of_its_own(daemon: FakeDaemon, stand: Any) -> None:
    environment = {"ELDR_ADDRESS": "10.0.0.7:30000"}
    plugin, scheduler_class, _, _ = stand(
        daemon.target, environment=environment, attn_dp_size=4, attn_dp_rank=2
    )
    scheduler_class(Mode.DECODE)
    wait_until(lambda: "RegisterNode" in daemon.names())
    plugin.close()
    spec = daemon.calls[0][1].node
    assert (spec.node_id, spec.dp_rank, spec.expert_group) == (
        "10.0.0.7:30000-dp2",
        2,
        "10.0.0.7:30000",
    )


def decode_scheduler() -> Any:
    _, scheduler_class, _, _ = fake_sglang.made()
    return scheduler_class(Mode.DECODE)


def test_finds_requests_wherever_they_are() -> None:
    scheduler = decode_scheduler()
    queues = scheduler.disagg_decode_prealloc_queue

    def carried(name: str) -> Any:
        return SimpleNamespace(req=Req(name))

    queues.queue, queues.pending_reqs = [carried("p")], [carried("q")]
    queues.retracted_queue = [Req("t")]
    scheduler.disagg_decode_transfer_queue.queue = [carried("x")]
    scheduler.waiting_queue = [Req("w"), Req("a")]
    scheduler.running_batch.reqs = [Req("a"), Req("over", done=True)]
    scheduler.last_batch = batch([Req("l")])
    load = Requests(scheduler, FakeClock()).load()
    assert (load.running, load.queued) == (2, 5)
    assert sorted(load.running_request_ids) == ["a", "l", "p", "q", "t", "w", "x"]
    assert load.complete
    assert not load.finished_request_ids


def test_a_request_has_finished_once_it_is_missed_for_a_while_and_twice() -> None:
    scheduler, clock = decode_scheduler(), FakeClock()
    requests = Requests(scheduler, clock)
    scheduler.running_batch.reqs = [Req("a")]
    requests.load()
    scheduler.running_batch.reqs = []  # between two queues
    clock.advance(5)
    load = requests.load()
    assert (load.running, list(load.running_request_ids)) == (0, ["a"])
    scheduler.waiting_queue = [Req("a")]
    clock.advance(0.1)
    assert requests.load().queued == 1
    scheduler.waiting_queue = []
    finished = []
    for _ in range(3):
        clock.advance(0.6)
        finished.append(list(requests.load().finished_request_ids))
    assert finished == [[], ["a"], []]


def test_times_steps_from_launch_to_launch() -> None:
    requests = Requests(decode_scheduler())
    two = [Req("a", seqlen=10), Req("b", seqlen=20)]
    for one in (
        batch(two, iteration=1, launched=1.0),
        batch(two, iteration=2, launched=1.01),
        batch(two[:1], iteration=3, launched=1.03),
        batch([], iteration=4, launched=1.5, decode=False),
        batch(two, iteration=5, launched=1.6),
        batch(two, iteration=7, launched=1.7),  # one between was not decode
        batch(two, iteration=8, launched=9.0, after_idle=True),
    ):
        requests.step(one)
    (stat,) = requests.load().steps
    assert (stat.max_batch, stat.steps, stat.mean_context_tokens) == (2, 2, 30)
    assert stat.total_duration.ToNanoseconds() == pytest.approx(30e6, abs=10)


def test_does_nothing_unless_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELDR_TARGET", raising=False)
    eldr.sglang.register()  # sglang cannot be imported here
    monkeypatch.setenv("ELDR_TARGET", "127.0.0.1:1")
    with pytest.raises(ImportError):
        eldr.sglang.register()


def test_hooks_the_targets_that_were_checked(daemon: FakeDaemon, stand: Any) -> None:
    _, _, registry, _ = stand(daemon.target)
    assert registry.targets == [
        "sglang.srt.managers.scheduler.Scheduler.__init__",
        "sglang.srt.disaggregation.prefill.SchedulerDisaggregationPrefillMixin"
        ".process_batch_result_disagg_prefill",
        "sglang.srt.managers.scheduler.Scheduler.process_batch_result",
    ]


def test_sglang_finds_the_plugin() -> None:
    found = [point for point in entry_points(group="sglang.srt.plugins") if point.name == "eldr"]
    if not found:
        pytest.skip("the package is not installed but on the path")
    assert found[0].load() is eldr.sglang.register
