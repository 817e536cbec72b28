"""What the legs of a request say: pure functions over parsed JSON."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from typing import Any

from eldr.proxy._settings import Prefill

Body = dict[str, Any]

# The host that SGLang takes for "no decode side": the sender of such a request succeeds at once.
_FAKE_BOOTSTRAP_HOST = "2.2.2.2"
# Passed on to engines; all else of a client's header is between it and the proxy.
_HEADERS = ("Authorization", "traceparent", "tracestate")


def request_id(headers: Mapping[str, str]) -> str:
    """The client's, where it is one that the router and the engines take; else a new one."""
    given = headers.get("X-Request-Id", "")
    if 0 < len(given.encode()) <= 200 and given.isprintable():
        return given
    return uuid.uuid4().hex


def engine_headers(headers: Mapping[str, str], identity: str) -> dict[str, str]:
    passed = {name: headers[name] for name in _HEADERS if name in headers}
    return {**passed, "X-Request-Id": identity}


def is_one_prompt(body: Body) -> bool:
    """A batch of prompts cannot be handed over by one reply: its decode node prefills it, too."""
    prompt = body.get("prompt")
    return not (isinstance(prompt, list) and len(prompt) > 1 and not isinstance(prompt[0], int))


def sequences(body: Body) -> int:
    """Sequences that decode side by side."""
    prompt = body.get("prompt")
    prompts = 1 if is_one_prompt(body) or not isinstance(prompt, list) else len(prompt)
    asked = max(_number(body.get("n")) or 1, _number(body.get("best_of")) or 1)
    return min(max(1, prompts * asked), 1_024)


def max_output_tokens(body: Body) -> int | None:
    given = _number(body.get("max_completion_tokens")) or _number(body.get("max_tokens"))
    return None if given is None else min(given, 1_000_000_000)


def prompt_tokens(reply: Any) -> int:
    """Of a prefill's reply; 0 if it does not tell."""
    usage = reply.get("usage") if isinstance(reply, Mapping) else None
    told = _number(usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None
    return min(told or 0, 1_000_000_000)


def one_token(body: Body) -> Body:
    """The same prompt, for one token and no stream."""
    leg = {key: value for key, value in body.items() if key not in ("stream_options", "min_tokens")}
    leg.update(stream=False, max_tokens=1)
    if "max_completion_tokens" in body:
        leg["max_completion_tokens"] = 1
    for several in ("n", "best_of"):
        if several in leg:
            leg[several] = 1
    return leg


def vllm_prefill(body: Body, identity: str) -> Body:
    leg = one_token(body)
    leg["kv_transfer_params"] = {
        "do_remote_decode": True,
        "do_remote_prefill": False,
        "remote_engine_id": None,
        "remote_block_ids": None,
        "remote_host": None,
        "remote_port": None,
        "eldr_request_id": identity,
    }
    return leg


def vllm_decode(body: Body, identity: str, reply: Any, lease_id: int = 0) -> Body:
    """The original request with what the prefill's reply says of its KV.

    With the id of its lease the decode engine can say which one its end ends.
    """
    handed = reply.get("kv_transfer_params") if isinstance(reply, Mapping) else None
    told = dict(handed) if isinstance(handed, Mapping) else {}
    told.pop("eldr_sig", None)  # for the router alone
    told["eldr_request_id"] = identity
    if lease_id:
        told["eldr_lease_id"] = lease_id
    return {**body, "kv_transfer_params": told}


def sglang_probe(body: Body, identity: str) -> Body:
    """A prefill for nobody, which fills the radix cache and shows which experts are activated."""
    return {
        **one_token(body),
        "rid": identity,
        "return_routed_experts": True,
        "bootstrap_host": _FAKE_BOOTSTRAP_HOST,
        "bootstrap_room": 0,
    }


def sglang_pair(body: Body, identity: str, prefill: Prefill) -> Body:
    """What both legs of a pair get."""
    return {
        **body,
        "rid": identity,
        "bootstrap_host": prefill.host,
        "bootstrap_port": prefill.bootstrap_port,
        "bootstrap_room": random.randrange(1, 2**63),  # noqa: S311  names a rendezvous, no secret
    }


class OutputTokens:
    """Reads from a reply, as it passes, how many tokens it generated."""

    def __init__(self, streamed: bool) -> None:
        self._streamed = streamed
        self._rest = b""
        self.count: int | None = None

    def feed(self, data: bytes) -> None:
        if not self._streamed:
            self._read(data)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and b'"usage"' in line:
                self._read(line[5:])
        if len(self._rest) > 1 << 20:
            self._rest = b""  # no event of ours is that long

    def _read(self, data: bytes) -> None:
        try:
            told = json.loads(data)
        except ValueError:
            return
        usage = told.get("usage") if isinstance(told, Mapping) else None
        if isinstance(usage, Mapping):
            count = _number(usage.get("completion_tokens"))
            self.count = count if count is not None else self.count


def _number(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and value >= 0 else None
