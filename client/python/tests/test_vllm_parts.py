from __future__ import annotations

from typing import Any

import pytest

from eldr._engine.config import read
from eldr.vllm._ids import external_id, lease_id
from support.vllm_steps import Steps, names


@pytest.mark.parametrize(
    ("internal", "external"),
    [
        ("cmpl-abc-0-b5539277", "abc"),
        ("chatcmpl-abc-ae95033d", "abc"),
        ("cmpl-a-1-b-2-0-00000000", "a-1-b-2"),
        ("chatcmpl-a-7-00000000", "a-7"),
        ("something else", "something else"),
    ],
)
def test_takes_the_clients_id_out_of_the_engines(internal: str, external: str) -> None:
    assert external_id(internal) == external
    assert external_id(internal, {"eldr_request_id": "told"}) == "told"
    for odd in (
        {"eldr_request_id": ""},
        {"eldr_request_id": 3},
        {},
        "text",
        None,
        {"eldr_request_id": "x" * 257},
    ):
        assert external_id(internal, odd) == external


def test_takes_a_lease_only_where_one_is_told() -> None:
    assert lease_id({"eldr_lease_id": 2**63 + 1}) == 2**63 + 1
    for odd in (
        None,
        {},
        {"eldr_lease_id": "7"},
        {"eldr_lease_id": True},
        {"eldr_lease_id": 2**64},
    ):
        assert lease_id(odd) == 0


def settings(given: dict[str, Any], **more: Any) -> Any:
    return read(
        given,
        more.pop("environment", {}),
        producer=more.get("producer", True),
        consumer=more.get("consumer", False),
    )


def test_a_producer_pushes_and_a_consumer_reports() -> None:
    assert (settings({}).push, settings({}).report) == (True, False)
    decode = settings({"address": "a:1"}, producer=False, consumer=True)
    assert (decode.push, decode.report) == (False, True)
    asked = settings({"push": False, "report": True, "address": "a:1"})
    assert (asked.push, asked.report) == (False, True)


def test_variables_win_over_flags() -> None:
    environment = {
        "ELDR_ADDRESS": "b:2",
        "ELDR_CAPACITY": "7",
        "ELDR_REPORT": "true",
        "ELDR_HEARTBEAT_INTERVAL": "0.5",
        "ELDR_ATTENTION_GROUP": "1",
        "HOME": "/x",
    }
    config = settings({"address": "a:1", "capacity": 3}, environment=environment)
    assert (config.address, config.capacity, config.report) == ("b:2", 7, True)
    assert (config.heartbeat_interval, config.attention_group) == (0.5, 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"adress": "a"}, '"adress" is not known, expected one of address,'),
        ({"capacity": "many"}, "capacity is 'many', expected a value of type int"),
        ({"capacity": -1}, "capacity is -1, expected at least 0"),
        ({"queue": 0}, "queue is 0"),
        ({"block_tokens": -1}, "block_tokens is -1, expected at least 0"),
        ({"queue": True}, "expected a value of type int"),
        ({"push": "maybe"}, "expected a value of type bool"),
        ({"target": 3}, "expected a value of type str"),
        ({"heartbeat_interval": "x"}, "expected a value of type float"),
        ({"heartbeat_interval": 0}, "heartbeat_interval is 0.0"),
        ({"report": True}, 'address is "", expected "host:port"'),
        ({"tls_cert": "c"}, "key_file"),
        ({"target": ""}, "Options.target"),
    ],
)
def test_refuses_keys_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        settings(given)
    assert message in str(refused.value)


# The schedule.


def test_a_prompt_ends_in_the_step_that_runs_its_last_token() -> None:
    at = Steps()
    at.announce("a", 10, {"eldr_request_id": "told"})
    assert at.step(new=[("a", [5], 0)], a=4).ended == []
    assert at.step(cached=[("a", [7], 4)], a=4).ended == []
    (ended,) = at.step(cached=[("a", [9], 8)], a=2).ended
    assert ended.request_id == "told"
    assert ended.blocks == (5, 7, 9)
    assert (ended.prompt_tokens, ended.external_tokens) == (10, 0)
    assert at.step(cached=[("a", [], 10)], a=1).ended == []


def test_tells_prefix_hits_from_kv_that_came_from_outside() -> None:
    at = Steps()
    at.announce("a", 10)
    at.schedule.local_hits("a", 4)
    step = at.step(new=[("a", [5, 6, 7], 9)], a=1)
    (unknown,) = step.unknown
    assert (unknown.blocks, unknown.begin, unknown.end) == ((5, 6, 7), 4, 9)
    assert step.ended[0].external_tokens == 5
    at.announce("b", 10)
    at.schedule.local_hits("b", 8)
    step = at.step(new=[("b", [5, 6, 7], 8)], b=2)
    assert step.unknown == []
    assert step.ended[0].external_tokens == 0


def test_a_prompt_that_is_preempted_in_its_middle_ends_once_with_its_new_blocks() -> None:
    at = Steps()
    at.announce("a", 6)
    at.step(new=[("a", [1], 0)], a=4)
    at.schedule.local_hits("a", 0)
    at.step(cached=[("a", [2], 0)], resumed=["a"], a=4)
    (ended,) = at.step(cached=[("a", [3], 4)], a=2).ended
    assert ended.blocks == (2, 3)
    assert at.schedule.resumed_prompts == 1
    assert at.step(cached=[("a", [4, 5], 0)], resumed=["a"], a=7).ended == []
    assert at.schedule.resumed_prompts == 1


def test_knows_requests_nobody_announced_and_none_that_ended() -> None:
    at = Steps()
    (ended,) = at.step(new=[("cmpl-x-0-00000000", [1, 2, 3], 0)], **{"cmpl-x-0-00000000": 9}).ended
    assert (ended.request_id, ended.prompt_tokens) == ("x", 9)
    at.finish("cmpl-x-0-00000000")
    at.finish("never seen")
    assert at.step(cached=[("cmpl-x-0-00000000", [], 9)]).ended == []
    assert names(at.schedule.load(None)) == ["x"]


def test_reports_who_runs_queues_and_finished() -> None:
    at = Steps()
    for name in ("cmpl-a-0-00000000", "cmpl-a-1-00000000", "chatcmpl-b-00000000"):
        at.announce(name, 4)
    at.step(new=[("cmpl-a-0-00000000", [1], 0)], **{"cmpl-a-0-00000000": 4})
    load = at.schedule.load(0.5)
    assert (load.running, load.queued, load.kv_usage, load.complete) == (1, 2, 0.5, True)
    assert load.running_request_ids == ["a", "b"]
    at.finish("cmpl-a-0-00000000")
    assert names(at.schedule.load(None)) == []  # the other prompt of it lives
    at.finish("cmpl-a-1-00000000")
    at.finish("chatcmpl-b-00000000")
    load = at.schedule.load(None)
    assert names(load) == ["a", "b"]
    assert (load.running, load.queued, load.running_request_ids) == (0, 0, [])
    assert names(at.schedule.load(None)) == []


def test_times_steps_of_decode_alone_and_not_idle_time() -> None:
    at = Steps()
    at.announce("a", 4)
    at.announce("b", 4)
    at.step(new=[("a", [1], 0)], a=4)  # a prefill
    at.clock.advance(1.0)
    at.step(cached=[("a", [2], 4)], a=1)  # decode
    at.clock.advance(0.010)
    at.schedule.local_hits("b", 0)
    at.step(new=[("b", [3], 3)], cached=[("a", [], 5)], a=1, b=1)  # b's KV came from elsewhere
    at.clock.advance(0.030)
    at.step(cached=[("a", [], 6), ("b", [], 4)], a=1, b=1)
    at.finish("a")
    at.finish("b")
    at.clock.advance(100.0)  # nothing to do
    at.announce("c", 4)
    at.step(new=[("c", [4], 0)], c=4)
    stats = at.schedule.load(None).steps
    assert [(stat.max_batch, stat.steps) for stat in stats] == [(1, 1), (2, 1)]
    assert [stat.total_duration.ToNanoseconds() / 1e6 for stat in stats] == [10.0, 30.0]
    assert [stat.mean_context_tokens for stat in stats] == [4, 8]


def test_a_step_without_tokens_is_none() -> None:
    at = Steps()
    at.announce("a", 4)
    for _ in range(5):  # its KV is on its way
        at.step()
        at.clock.advance(0.001)
    load = at.schedule.load(None)
    assert (load.running, load.queued, list(load.steps)) == (0, 1, [])
