from __future__ import annotations

import math
import random

import grpc
import pytest

import eldr
from eldr import v1
from eldr._reports import (
    DEFAULT_BUCKETS,
    MAX_IDS,
    Beat,
    Drain,
    Load,
    Register,
    Reports,
    merge_steps,
    to_duration,
)

UNAVAILABLE = eldr.EldrError(grpc.StatusCode.UNAVAILABLE, "away")
NOT_FOUND = eldr.RefusedError(grpc.StatusCode.NOT_FOUND, "not registered")
SUPERSEDED = eldr.EldrError(grpc.StatusCode.FAILED_PRECONDITION, "a newer one has the id")


class Node:
    """A node whose load the test writes."""

    def __init__(self, **spec: object) -> None:
        self.load = Load()
        made = eldr.node_spec("d0", "m", "10.0.0.1:8000", incarnation=5, **spec)  # type: ignore[arg-type]
        self.reports = Reports(made, self.take)

    def take(self) -> Load:
        taken = self.load
        self.load = Load(
            running=taken.running,
            running_request_ids=taken.running_request_ids,
            complete=taken.complete,
        )
        return taken

    def register(self, now: float = 0.0, timeout: float = 10.0) -> None:
        act = self.reports.next(now)
        assert isinstance(act, Register)
        self.reports.done(act, v1.RegisterNodeResponse(node_timeout=to_duration(timeout)), now)

    def beat(self, now: float) -> Beat:
        act = self.reports.next(now)
        assert isinstance(act, Beat)
        return act

    def told(self, now: float, **answer: object) -> v1.HeartbeatRequest:
        act = self.beat(now)
        self.reports.done(act, v1.HeartbeatResponse(**answer), now)  # type: ignore[arg-type]
        return act.request


def test_registers_first_and_then_beats_at_its_interval() -> None:
    node = Node()
    act = node.reports.next(0.0)
    assert isinstance(act, Register)
    assert act.request.node.node_id == "d0"
    assert act.request.node.heartbeat_interval == to_duration(1.0)
    node.register()
    node.load = Load(running=3, queued=2, kv_usage=0.5, running_request_ids=["a"], complete=True)
    request = node.told(0.0, state=v1.NODE_STATE_READY, leases=4)
    assert request == v1.HeartbeatRequest(
        node_id="d0",
        incarnation=5,
        running=3,
        queued=2,
        kv_usage=0.5,
        running_request_ids=["a"],
        complete_list=True,
    )
    assert node.reports.next(0.0) == 1.0
    assert node.reports.next(0.25) == 0.75
    assert node.reports.status.leases == 4
    assert node.reports.status.state == v1.NODE_STATE_READY


def test_beats_three_times_in_the_daemons_timeout() -> None:
    node = Node(heartbeat_interval=5.0)
    node.register(timeout=6.0)
    node.told(0.0)
    assert node.reports.next(0.0) == 2.0


def test_does_not_tell_usage_that_is_not_known() -> None:
    node = Node()
    node.register()
    assert not node.beat(0.0).request.HasField("kv_usage")


def test_registers_anew_when_it_is_not_known_and_tells_again_what_was_refused() -> None:
    node = Node()
    node.register()
    node.told(0.0)
    node.load = Load(finished_request_ids=["a"], steps=[v1.StepStats(max_batch=4, steps=2)])
    act = node.beat(1.0)
    node.reports.failed(act, NOT_FOUND, 1.0)
    node.register(1.0)
    request = node.told(1.0)
    assert request.finished_request_ids == ["a"]
    assert [stat.steps for stat in request.steps] == [2]
    assert node.told(2.0).finished_request_ids == []


def test_backs_off_from_a_daemon_that_takes_registrations_and_forgets_them() -> None:
    node = Node()
    now, registrations = 0.0, 0
    while now < 60:
        act = node.reports.next(now)
        if isinstance(act, float):
            now += act
        elif isinstance(act, Register):
            registrations += 1
            node.reports.done(act, v1.RegisterNodeResponse(), now)
        else:
            node.reports.failed(act, NOT_FOUND, now)
    assert registrations == 6  # at 0, 1, 3, 7, 15 and 31 s


def test_backs_off_while_its_model_is_not_declared_and_then_beats() -> None:
    node = Node()
    times, now = [], 0.0
    for _ in range(7):
        act = node.reports.next(now)
        assert isinstance(act, Register)
        times.append(now)
        node.reports.failed(act, NOT_FOUND, now)
        now += node.reports.due_in(now)
    assert times == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 61.0]
    assert node.reports.status.error is NOT_FOUND
    node.register(now)
    node.told(now)
    assert node.reports.status.error is None


def test_ends_when_a_newer_process_has_its_id() -> None:
    node = Node()
    node.register()
    node.told(0.0)
    node.reports.failed(node.beat(1.0), SUPERSEDED, 1.0)
    act = node.reports.next(1.0)
    assert isinstance(act, Register)
    node.reports.failed(act, SUPERSEDED, 1.0)
    assert node.reports.status.superseded
    assert node.reports.next(1e9) == math.inf


def test_drops_steps_that_may_have_been_counted_and_keeps_what_finished() -> None:
    node = Node()
    node.register()
    node.load = Load(finished_request_ids=["a"], steps=[v1.StepStats(max_batch=4, steps=2)])
    node.reports.failed(node.beat(0.0), UNAVAILABLE, 0.0)
    assert node.reports.next(0.5) == 0.5
    request = node.told(1.0)
    assert request.finished_request_ids == ["a"]
    assert not request.steps


def test_does_not_end_a_request_that_runs_again_under_an_id_told_late() -> None:
    node = Node()
    node.register()
    node.load = Load(finished_request_ids=["a", "b"])
    node.reports.failed(node.beat(0.0), UNAVAILABLE, 0.0)
    node.load = Load(running=1, running_request_ids=["a"])
    assert node.told(1.0).finished_request_ids == ["b"]


def test_beats_at_once_when_asked_to_confirm() -> None:
    node = Node()
    node.register()
    node.told(0.0, confirm=True)
    wait = node.reports.next(0.0)
    assert isinstance(wait, float)
    assert 0 < wait < 0.1
    node.told(wait)


def test_tells_what_does_not_fit_into_one_heartbeat_in_the_next_at_once() -> None:
    node = Node()
    node.register()
    many = [str(number) for number in range(MAX_IDS + 5)]
    node.load = Load(running_request_ids=many, complete=True)
    request = node.told(0.0)
    assert len(request.running_request_ids) == MAX_IDS
    assert not request.complete_list  # else the leases of the rest would end
    node.load = Load(finished_request_ids=many)
    assert node.told(1.0).finished_request_ids == many[:MAX_IDS]
    assert node.told(1.1).finished_request_ids == many[MAX_IDS:]


def test_what_finished_with_a_lease_is_told_with_it_even_if_the_id_runs_again() -> None:
    node = Node()
    node.register()
    leases = [v1.FinishedRequest(request_id="a", lease_id=7), v1.FinishedRequest(request_id="b")]
    node.load = Load(running_request_ids=["a", "b"], complete=True, finished=leases)
    node.reports.failed(node.beat(1.0), eldr.EldrError(grpc.StatusCode.UNAVAILABLE, ""), 1.0)
    node.load = Load(running_request_ids=["a"], complete=True, finished=[leases[0]])
    request = node.told(2.0)
    assert list(request.finished) == [leases[0]]  # an id alone may name the one that runs
    assert list(request.finished_request_ids) == []
    node.load = Load()
    assert list(node.told(3.0).finished) == []


def test_drains_once_and_again_after_it_registered_anew() -> None:
    node = Node()
    node.register()
    node.told(0.0)
    node.reports.drain()
    act = node.reports.next(0.1)
    assert isinstance(act, Drain)
    node.reports.done(act, v1.DrainNodeResponse(), 0.1)
    assert node.reports.status.draining
    node.reports.failed(node.beat(0.1), NOT_FOUND, 0.1)
    node.register(0.1)
    assert isinstance(node.reports.next(0.1), Drain)


def test_goes_on_when_it_may_not_drain() -> None:
    node = Node()
    node.register()
    node.reports.drain()
    act = node.reports.next(0.0)
    assert isinstance(act, Drain)
    refused = eldr.EldrError(grpc.StatusCode.PERMISSION_DENIED, "role decode")
    node.reports.failed(act, refused, 0.0)
    node.told(0.0)


def test_leaves_a_heartbeat_out_when_its_load_is_not_known(
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = Node()
    node.register()
    node.reports._source = lambda: 1 / 0  # type: ignore[assignment,return-value]
    assert node.reports.next(0.0) == 1.0
    assert node.reports.next(1.0) == 1.0
    assert caplog.text.count("its load is not known") == 1
    node.reports._source = node.take
    node.told(2.0)


def test_is_empty_once_a_heartbeat_told_so() -> None:
    node = Node()
    node.register()
    assert not node.reports.is_empty()
    node.load = Load(running=1)
    node.told(0.0)
    assert not node.reports.is_empty()
    node.load = Load()
    node.told(1.0)
    assert node.reports.is_empty()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (v1.NodeSpec(heartbeat_interval=to_duration(1)), "incarnation is 0"),
        (v1.NodeSpec(incarnation=1), "heartbeat_interval is 0.0 s, expected more than 0"),
    ],
)
def test_refuses_a_spec_that_cannot_be_kept_alive(spec: v1.NodeSpec, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reports(spec, Load)


def test_whatever_happens_nothing_finished_is_lost_and_no_step_is_counted_twice() -> None:
    """Against a daemon that forgets, breaks, and takes heartbeats whose answers are lost."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print("seed", seed)
    for _ in range(200):
        node, now = Node(), 0.0
        finished: set[str] = set()
        got: set[str] = set()
        made = counted = 0
        known = False
        for round_number in range(60):
            if chance.random() < 0.5:
                name = f"r{round_number}"
                finished.add(name)
                steps = chance.randrange(1, 5)
                made += steps
                stat = v1.StepStats(max_batch=chance.choice([1, 8]), steps=steps, mean_batch=1)
                node.load.finished_request_ids = [*node.load.finished_request_ids, name]
                node.load.steps = [*node.load.steps, stat]
            calm = round_number >= 50
            act = node.reports.next(now)
            if isinstance(act, float):
                now += act
                continue
            taken = calm or chance.random() < 0.7
            if isinstance(act, Register):
                known = known or taken
                if taken:
                    node.reports.done(act, v1.RegisterNodeResponse(), now)
                else:
                    node.reports.failed(act, UNAVAILABLE, now)
                continue
            assert isinstance(act, Beat)
            if not calm and chance.random() < 0.2:
                known = False
            if not known:
                node.reports.failed(act, NOT_FOUND, now)
                continue
            if taken:
                got.update(act.request.finished_request_ids)
                counted += sum(stat.steps for stat in act.request.steps)
            if taken and (calm or chance.random() < 0.8):
                node.reports.done(act, v1.HeartbeatResponse(), now)
            else:
                node.reports.failed(act, UNAVAILABLE, now)
        for _ in range(40):
            act = node.reports.next(now)
            if isinstance(act, float):
                now += act
            elif isinstance(act, Register):
                node.reports.done(act, v1.RegisterNodeResponse(), now)
            elif isinstance(act, Beat):
                got.update(act.request.finished_request_ids)
                counted += sum(stat.steps for stat in act.request.steps)
                node.reports.done(act, v1.HeartbeatResponse(), now)
        assert got == finished, seed
        assert counted <= made, seed


def test_steps_are_added_up_by_the_size_of_their_batch() -> None:
    steps = eldr.StepRecorder()
    steps.add(3, 0.010, context_tokens=100)
    steps.add(4, 0.020, context_tokens=300)
    steps.add(9, 0.030, distinct_experts=50.0)
    steps.add(16, 0.040)
    stats = steps.take()
    assert [stat.max_batch for stat in stats] == [4, 16]
    assert [stat.steps for stat in stats] == [2, 2]
    assert [stat.mean_batch for stat in stats] == [3.5, 12.5]
    assert stats[0].total_duration == to_duration(0.030)
    assert stats[0].mean_context_tokens == 200
    assert not stats[0].HasField("mean_distinct_experts")
    assert stats[1].mean_distinct_experts == 50
    assert steps.take() == []


def test_a_batch_over_the_last_bound_counts_as_of_it() -> None:
    steps = eldr.StepRecorder([2, 4])
    steps.add(100, 0.01)
    assert steps.take()[0].mean_batch == 4


def test_has_no_more_buckets_than_a_heartbeat_holds() -> None:
    assert len(DEFAULT_BUCKETS) <= 64
    assert list(DEFAULT_BUCKETS) == sorted(set(DEFAULT_BUCKETS))


@pytest.mark.parametrize("buckets", [[], [0, 1], [2, 2], list(range(1, 66))])
def test_refuses_buckets_that_are_none(buckets: list[int]) -> None:
    with pytest.raises(ValueError, match="buckets are"):
        eldr.StepRecorder(buckets)


@pytest.mark.parametrize(("batch", "seconds"), [(0, 1.0), (1, -1.0), (1, math.inf)])
def test_refuses_steps_that_are_none(batch: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="a step of"):
        eldr.StepRecorder().add(batch, seconds)


def test_merging_weighs_means_by_steps() -> None:
    one = v1.StepStats(
        max_batch=4, steps=1, total_duration=to_duration(1.5), mean_batch=1, mean_context_tokens=10
    )
    three = v1.StepStats(
        max_batch=4,
        steps=3,
        total_duration=to_duration(2.5),
        mean_batch=3,
        mean_context_tokens=30,
        mean_distinct_experts=7,
    )
    merged = merge_steps([one], [three, v1.StepStats(max_batch=1)])
    assert merged == [
        v1.StepStats(
            max_batch=4,
            steps=4,
            total_duration=to_duration(4),
            mean_batch=2.5,
            mean_context_tokens=25,
        )
    ]
    assert one.steps == 1  # the originals stay
