"""The request's id at the router, of the one that the engine made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_RANDOM = re.compile(r"-[0-9a-f]{8}$")
_PROMPT = re.compile(r"-\d+$")
_MAX_BYTES = 256


def external_id(internal: str, kv_transfer_params: Any = None) -> str:
    """What the proxy called the request.

    It may say so itself (`eldr_request_id`). Else the engine's id holds what came as X-Request-Id:
    cmpl-<id>-<prompt>-<8 random> or chatcmpl-<id>-<8 random>.
    """
    if isinstance(kv_transfer_params, Mapping):
        told = kv_transfer_params.get("eldr_request_id")
        if isinstance(told, str) and 0 < len(told.encode()) <= _MAX_BYTES:
            return told
    name = _RANDOM.sub("", internal)
    if name.startswith("cmpl-"):
        return _PROMPT.sub("", name[len("cmpl-") :])
    return name.removeprefix("chatcmpl-")


def lease_id(kv_transfer_params: Any) -> int:
    """The lease that the proxy got for the request (`eldr_lease_id`); 0 if it does not say."""
    if isinstance(kv_transfer_params, Mapping):
        told = kv_transfer_params.get("eldr_lease_id")
        if isinstance(told, int) and not isinstance(told, bool) and 0 < told < 2**64:
            return told
    return 0
