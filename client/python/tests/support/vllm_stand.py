"""Both sides of the connector over the stand-ins of vLLM, driven by an engine in small."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from eldr import v1
from support import fake_vllm
from support.fake_daemon import FakeDaemon
from support.fake_vllm import KVConnectorRole, MoERunner, as_tensor
from support.real_daemon import wait_until
from support.small_engine import Request, SmallEngine

LAYERS, EXPERTS, TOP_K, BLOCK = 2, 8, 2, 4


def vllm_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """vLLM's modules, and the connector's made anew over them."""
    for name, module in fake_vllm.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "eldr.vllm.connector", raising=False)
    monkeypatch.setattr(fake_vllm.tp_group, "is_first_rank", True)
    yield
    sys.modules.pop("eldr.vllm.connector", None)


def connector(config: Any, role: Any, blocks: int = 64, *specs: Any) -> Any:
    """As the engine makes it: a name in the module of kv_connector_module_path."""
    import eldr.vllm

    return eldr.vllm.EldrConnector(config, role, fake_vllm.cache_config(blocks, BLOCK, *specs))


def prefill_config(target: str, layers: list[Any], **more: Any) -> Any:
    extra = {"target": target, "worker": "p0", **more.pop("extra", {})}
    return fake_vllm.vllm_config(extra, layers, experts=EXPERTS, top_k=TOP_K, **more)


def caches() -> dict[str, Any]:
    return {"model.layers.0.attn": as_tensor([0])}


@contextlib.contextmanager
def engine(
    target: str,
    chance: random.Random,
    *,
    blocks: int = 64,
    budget: int = 16,
    extra: dict[str, Any] | None = None,
    role: str = "kv_producer",
) -> Iterator[SmallEngine]:
    layers = [MoERunner(number) for number in (1, 3)]
    draft = MoERunner(9, "mtp.layers.0.mlp")
    config = prefill_config(target, [*layers, draft], extra=extra or {}, role=role)
    scheduler = connector(config, KVConnectorRole.SCHEDULER, blocks)
    worker = connector(config, KVConnectorRole.WORKER, blocks)
    worker.register_kv_caches(caches())
    assert worker.stopped is None
    assert draft.router.capture_fn is None
    yield SmallEngine(
        scheduler,
        worker,
        layers,
        blocks=blocks,
        block_size=BLOCK,
        budget=budget,
        experts=EXPERTS,
        top_k=TOP_K,
        chance=chance,
    )
    wait_until(worker._pusher._jobs.empty)
    worker.shutdown()
    scheduler.shutdown()
    assert scheduler.stopped is None
    assert worker.stopped is None


def pushed(daemon: FakeDaemon) -> dict[str, v1.PushSignatureRequest]:
    got: dict[str, v1.PushSignatureRequest] = {}
    for name, request in daemon.calls:
        assert name == "PushSignature"
        assert request.request_id not in got, "each prompt once"
        got[request.request_id] = request
    return got


def request(name: str, tokens: list[int], output: int = 3, **more: Any) -> Request:
    return Request(f"cmpl-{name}-0-0123abcd", list(tokens), len(tokens), output, **more)
