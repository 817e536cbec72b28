from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp")

from eldr.proxy import _bodies as bodies
from eldr.proxy._metrics import Metrics
from eldr.proxy._pool import Pool
from eldr.proxy._settings import Prefill, parse
from support.clock import FakeClock


def test_a_prefill_leg_is_for_one_token_and_no_stream() -> None:
    asked: dict[str, Any] = {
        "model": "m",
        "prompt": "p",
        "max_tokens": 90,
        "max_completion_tokens": 80,
        "stream": True,
        "stream_options": {"include_usage": True},
        "min_tokens": 5,
        "n": 3,
        "temperature": 0,
    }
    leg = bodies.vllm_prefill(asked, "r")
    transfer = leg.pop("kv_transfer_params")
    assert leg == {
        "model": "m",
        "prompt": "p",
        "max_tokens": 1,
        "max_completion_tokens": 1,
        "stream": False,
        "n": 1,
        "temperature": 0,
    }
    assert transfer == {
        "do_remote_decode": True,
        "do_remote_prefill": False,
        "remote_engine_id": None,
        "remote_block_ids": None,
        "remote_host": None,
        "remote_port": None,
        "eldr_request_id": "r",
    }
    assert asked["max_tokens"] == 90


@pytest.mark.parametrize("reply", [None, [], {}, {"kv_transfer_params": None}])
def test_a_decode_leg_is_the_request_even_if_nothing_was_handed_over(reply: Any) -> None:
    leg = bodies.vllm_decode({"prompt": "p", "stream": True}, "r", reply)
    assert leg == {"prompt": "p", "stream": True, "kv_transfer_params": {"eldr_request_id": "r"}}


def test_a_decode_leg_hands_the_reply_on_but_for_the_routers_part() -> None:
    reply = {"kv_transfer_params": {"remote_host": "p0", "eldr_sig": "AAAA"}}
    leg = bodies.vllm_decode({}, "r", reply)
    assert leg["kv_transfer_params"] == {"remote_host": "p0", "eldr_request_id": "r"}


def test_a_decode_leg_names_its_lease() -> None:
    leg = bodies.vllm_decode({}, "r", None, 2**63 + 1)
    assert leg["kv_transfer_params"] == {"eldr_request_id": "r", "eldr_lease_id": 2**63 + 1}


def test_both_legs_of_a_pair_meet_in_one_room() -> None:
    one = bodies.sglang_pair({"stream": True}, "r", Prefill("http://p0:8000", 9001))
    assert one["bootstrap_host"] == "p0"
    assert one["bootstrap_port"] == 9001
    assert 0 < one["bootstrap_room"] < 2**63
    assert one["rid"] == "r"
    two = bodies.sglang_pair({}, "s", Prefill("http://p0:8000"))
    assert two["bootstrap_room"] != one["bootstrap_room"]
    probe = bodies.sglang_probe({"prompt": "p"}, "r")
    assert (probe["bootstrap_host"], probe["bootstrap_room"]) == ("2.2.2.2", 0)
    assert probe["max_tokens"] == 1


@pytest.mark.parametrize(
    ("given", "kept"), [("abc", True), ("", False), ("x" * 201, False), ("a\nb", False)]
)
def test_keeps_a_clients_id_that_can_be_one(given: str, kept: bool) -> None:
    made = bodies.request_id({"X-Request-Id": given})
    assert (made == given) is kept
    assert made != bodies.request_id({})


@pytest.mark.parametrize(
    ("body", "one", "count"),
    [
        ({"prompt": "p"}, True, 1),
        ({"prompt": [1, 2, 3]}, True, 1),
        ({"prompt": ["p"]}, True, 1),
        ({"prompt": ["p", "q"]}, False, 2),
        ({"prompt": [[1], [2]], "n": 3}, False, 6),
        ({"messages": [], "n": 4}, True, 4),
        ({"n": "many"}, True, 1),
        ({"n": 5000}, True, 1024),
        ({"best_of": 2, "n": 1}, True, 2),
    ],
)
def test_counts_sequences(body: Any, one: bool, count: int) -> None:
    assert bodies.is_one_prompt(body) is one
    assert bodies.sequences(body) == count


def test_passes_only_what_engines_need() -> None:
    headers = {"Authorization": "Bearer x", "Cookie": "c", "traceparent": "t", "Host": "h"}
    assert bodies.engine_headers(headers, "r") == {
        "Authorization": "Bearer x",
        "traceparent": "t",
        "X-Request-Id": "r",
    }


def test_reads_output_tokens_from_a_stream_however_it_is_cut() -> None:
    events = (
        b'data: {"choices":[]}\n\ndata: {"usage": {"completion_tokens": 7}}\n\ndata: [DONE]\n\n'
    )
    for cut in range(len(events)):
        tokens = bodies.OutputTokens(streamed=True)
        tokens.feed(events[:cut])
        tokens.feed(events[cut:])
        assert tokens.count == 7
    for nothing in (b'data: {"usage": null}\n', b'data: {"usage" \n', b'data: {"usage": {}}\n'):
        tokens = bodies.OutputTokens(streamed=True)
        tokens.feed(nothing)
        assert tokens.count is None
    whole = bodies.OutputTokens(streamed=False)
    whole.feed(json.dumps({"usage": {"completion_tokens": 3}}).encode())
    assert whole.count == 3


def test_the_least_loaded_comes_first_and_equals_take_turns() -> None:
    pool = Pool(FakeClock())
    a, b, c = (pool.add(url) for url in "abc")
    assert [pool.least_loaded() for _ in range(4)] == [a, b, c, a]
    with pool.use(a), pool.use(b):
        assert pool.least_loaded() is c
        assert pool.least_loaded([c]) is b
        assert pool.least_loaded([a, b, c]) is None
    assert a.in_flight == 0


def test_one_that_failed_comes_last_for_a_while() -> None:
    clock = FakeClock()
    pool = Pool(clock)
    a, b = pool.add("a"), pool.add("b", 1)
    pool.failed(a)
    assert [pool.next_in_turn() for _ in range(3)] == [b, b, b]
    assert pool.next_in_turn([b]) is a
    clock.advance(2)
    assert pool.next_in_turn() is b
    assert pool.next_in_turn() is a
    assert pool.add("b", 1) is b
    assert pool.add("b", 0) is not b


def test_reads_its_flags() -> None:
    settings, host, port = parse(
        [
            "--listen",
            "10.0.0.1:80",
            "--prefill",
            "http://p0:1#77",
            "--prefill",
            "p1:2",
            "--decode",
            "d0:3",
            "--signature-wait-ms",
            "5",
            "--model",
            "x",
            "--engine",
            "sglang",
            "--late-placement",
        ]
    )
    assert (host, port) == ("10.0.0.1", 80)
    assert settings.prefill == (Prefill("http://p0:1", 77), Prefill("http://p1:2"))
    assert settings.prefill[0].host == "p0"
    assert settings.decode == ("http://d0:3",)
    assert settings.signature_wait == 0.005
    assert settings.late_placement


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--prefill"),
        (["--prefill", "ftp://x"], "expected http://HOST:PORT"),
        (["--prefill", "x:1#y"], "bootstrap port"),
        (["--prefill", "x:1", "--listen", "x"], "expected HOST:PORT"),
        (["--prefill", "x:1", "--signature-wait-ms", "51"], "expected 0 to 50"),
        (["--prefill", "x:1", "--lease-ttl", "0"], "expected more than 0"),
        (["--prefill", "x:1", "--late-placement"], "is for --engine sglang"),
        (["--prefill", "x:1", "--tls-cert", "c"], "key_file"),
    ],
)
def test_refuses_flags_that_make_no_sense(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(flags)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_readme_lists_exactly_the_metrics_there_are() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    listed = set(re.findall(r"^\| `(eldr_proxy_\w+)` \|", readme, re.MULTILINE))
    page = Metrics().page().decode()
    exported = set(re.findall(r"^# TYPE (\w+) (?:counter|histogram|gauge)$", page, re.MULTILINE))
    # Beside each counter and histogram the library tells when it was made.
    assert listed == {name for name in exported if not name.endswith("_created")}
