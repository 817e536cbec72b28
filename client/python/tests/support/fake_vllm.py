"""vLLM's interfaces as far as the connector uses them, and an engine in small that drives it.

INTERFACES names what is used with the parameters that vLLM 0.30 and 0.32 give it; a test compares
them with the real sources where those are at hand (ELDR_VLLM_SOURCES).
"""

from __future__ import annotations

import enum
import sys
import types
from abc import ABC
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from support import fake_torch

_BASE = "distributed/kv_transfer/kv_connector/v1/base.py"
_MOE = "model_executor/layers/fused_moe"
# file -> class (or "" for functions) -> name -> parameters, or None for what is no function.
INTERFACES: dict[str, dict[str, dict[str, list[str] | None]]] = {
    _BASE: {
        "KVConnectorBase_V1": {
            "__init__": ["self", "vllm_config", "role", "kv_cache_config"],
            "requires_kv_delivery": ["self"],
            "bind_connector_metadata": ["self", "connector_metadata"],
            "_get_connector_metadata": ["self"],
            "has_connector_metadata": ["self"],
            "register_kv_caches": ["self", "kv_caches"],
            "start_load_kv": ["self", "forward_context"],
            "wait_for_layer_load": ["self", "layer_name"],
            "save_kv_layer": ["self", "layer_name", "kv_layer", "attn_metadata"],
            "wait_for_save": ["self"],
            "shutdown": ["self"],
            "bind_gpu_block_pool": ["self", "gpu_block_pool"],
            "get_num_new_matched_tokens": ["self", "request", "num_computed_tokens"],
            "update_state_after_alloc": ["self", "request", "blocks", "num_external_tokens"],
            "build_connector_meta": ["self", "scheduler_output"],
            "on_new_request": ["self", "request"],
            "request_finished": ["self", "request", "block_ids"],
            "build_connector_worker_meta": ["self"],
            "update_connector_output": ["self", "connector_output"],
        },
        "KVConnectorWorkerMetadata": {"aggregate": ["self", "other"]},
        "SupportsHMA": {"request_finished_all_groups": ["self", "request", "block_ids"]},
        "KVConnectorRole": {"SCHEDULER": None, "WORKER": None},
    },
    "config/kv_transfer.py": {
        "KVTransferConfig": {
            "is_kv_producer": ["self"],
            "is_kv_consumer": ["self"],
            "kv_connector_extra_config": None,
        }
    },
    "config/parallel.py": {
        "ParallelConfig": {
            "pipeline_parallel_size": None,
            "decode_context_parallel_size": None,
            "prefill_context_parallel_size": None,
            "data_parallel_size": None,
            "data_parallel_rank": None,
            "use_sequence_parallel_moe": ["self"],
        }
    },
    "config/model.py": {
        "ModelConfig": {
            "get_num_experts": ["self"],
            "get_num_experts_per_tok": ["self"],
            "served_model_name": None,
            "enforce_eager": None,
        }
    },
    "config/cache.py": {"CacheConfig": {"prefix_caching_hash_algo": None}},
    "config/compilation.py": {"CompilationConfig": {"static_forward_context": None}},
    "forward_context.py": {
        "ForwardContext": {"slot_mapping": None, "dp_metadata": None},
        "DPMetadata": {"num_tokens_across_dp_cpu": None},
        "": {"get_forward_context": [], "is_forward_context_available": []},
    },
    f"{_MOE}/routed_experts_capturer.py": {
        "": {"bind_routed_experts_capturer": ["model", "capturer"]}
    },
    f"{_MOE}/router/base_router.py": {"BaseRouter": {"set_capture_fn": ["self", "capture_fn"]}},
    "v1/core/block_pool.py": {"BlockPool": {"get_usage": ["self"]}},
    "v1/core/sched/output.py": {
        "NewRequestData": {
            "req_id": None,
            "prompt_token_ids": None,
            "block_ids": None,
            "num_computed_tokens": None,
        },
        "CachedRequestData": {
            "req_ids": None,
            "resumed_req_ids": None,
            "new_block_ids": None,
            "num_computed_tokens": None,
        },
        "SchedulerOutput": {
            "scheduled_new_reqs": None,
            "scheduled_cached_reqs": None,
            "num_scheduled_tokens": None,
        },
    },
    "v1/kv_cache_interface.py": {
        "KVCacheConfig": {"num_blocks": None, "kv_cache_groups": None},
        "KVCacheGroupSpec": {"layer_names": None, "kv_cache_spec": None},
        "KVCacheSpec": {"block_size": None},
    },
    "v1/outputs.py": {"KVConnectorOutput": {"kv_connector_worker_meta": None}},
    "v1/request.py": {
        "Request": {
            "num_tokens": ["self"],
            "num_output_tokens": ["self"],
            "update_block_hashes": ["self"],
        }
    },
    "v1/worker/ubatching.py": {"": {"dbo_current_ubatch_id": []}},
    "distributed/parallel_state.py": {
        "": {"get_tp_group": []},
        "GroupCoordinator": {"is_first_rank": ["self"]},
    },
}


class KVConnectorRole(enum.Enum):
    SCHEDULER = 0
    WORKER = 1


class KVConnectorMetadata(ABC):  # noqa: B024
    pass


class KVConnectorWorkerMetadata(ABC):  # noqa: B024
    pass


class SupportsHMA(ABC):  # noqa: B024
    pass


class KVConnectorBase_V1(ABC):  # noqa: B024, N801
    def __init__(self, vllm_config: Any, role: Any, kv_cache_config: Any) -> None:
        self._connector_metadata: Any = None
        self._vllm_config = vllm_config
        self._kv_transfer_config = vllm_config.kv_transfer_config
        self._kv_cache_config = kv_cache_config

    def bind_connector_metadata(self, connector_metadata: Any) -> None:
        self._connector_metadata = connector_metadata

    def clear_connector_metadata(self) -> None:
        self._connector_metadata = None

    def _get_connector_metadata(self) -> Any:
        assert self._connector_metadata is not None
        return self._connector_metadata

    def has_connector_metadata(self) -> bool:
        return self._connector_metadata is not None


class BaseRouter:
    """Its ids come from the engine in small."""

    def __init__(self) -> None:
        self.capture_fn: Callable[[Any], None] | None = None

    def set_capture_fn(self, capture_fn: Callable[[Any], None] | None) -> None:
        self.capture_fn = capture_fn


class MoERunner:
    def __init__(self, layer_id: int, name: str = "", monolithic: bool = False) -> None:
        self.layer_id = layer_id
        self.layer_name = name or f"model.layers.{layer_id}.mlp"
        self.router = BaseRouter()
        self.monolithic = monolithic
        self.routed_experts = types.SimpleNamespace()


def bind_routed_experts_capturer(model: Any, capturer: Any) -> None:
    bound = 0
    for module in model.modules():
        if not isinstance(module, MoERunner):
            continue
        if module.monolithic:
            raise ValueError(
                "Routed-experts capture is not supported with monolithic MoE kernel X."
            )
        module.router.set_capture_fn(partial(capturer.capture, module.layer_id))
        bound += 1
    if bound == 0:
        raise ValueError("No supported MoE router found for routed-experts capture.")


@dataclass
class ForwardContext:
    slot_mapping: Any = field(default_factory=dict)
    dp_metadata: Any = None


_context: list[ForwardContext] = []
tp_group = types.SimpleNamespace(is_first_rank=True)


@contextmanager
def forward_context(context: ForwardContext) -> Iterator[None]:
    _context.append(context)
    yield
    _context.pop()


class FullAttentionSpec:
    def __init__(self, block_size: int) -> None:
        self.block_size = block_size


class SlidingWindowSpec(FullAttentionSpec):
    pass


SlidingWindowSpec.__name__ = "SlidingWindowSpec"


def modules() -> dict[str, types.ModuleType]:
    """What stands in sys.modules in the place of vllm and torch."""
    made: dict[str, types.ModuleType] = {}

    def module(name: str, **names: Any) -> None:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            made.setdefault(".".join(parts[:depth]), types.ModuleType(".".join(parts[:depth])))
        vars(made[name]).update(names)

    module(
        "vllm.distributed.kv_transfer.kv_connector.v1.base",
        KVConnectorBase_V1=KVConnectorBase_V1,
        KVConnectorMetadata=KVConnectorMetadata,
        KVConnectorRole=KVConnectorRole,
        KVConnectorWorkerMetadata=KVConnectorWorkerMetadata,
        SupportsHMA=SupportsHMA,
    )
    module(
        "vllm.forward_context",
        get_forward_context=lambda: _context[-1],
        is_forward_context_available=lambda: bool(_context),
    )
    module("vllm.distributed.parallel_state", get_tp_group=lambda: tp_group)
    module("vllm.v1.worker.ubatching", dbo_current_ubatch_id=lambda: 0)
    moe = "vllm.model_executor.layers.fused_moe"
    module(f"{moe}.layer", MoERunner=MoERunner)
    module(
        f"{moe}.routed_experts_capturer", bind_routed_experts_capturer=bind_routed_experts_capturer
    )
    made["torch"] = sys.modules["support.fake_torch"]
    assert made["torch"] is fake_torch
    return made


def vllm_config(
    extra: dict[str, Any],
    layers: list[Any],
    *,
    role: str = "kv_producer",
    experts: int = 8,
    top_k: int = 2,
    **parallel: Any,
) -> Any:
    sizes = {
        "pipeline_parallel_size": 1,
        "decode_context_parallel_size": 1,
        "prefill_context_parallel_size": 1,
        "data_parallel_size": 1,
        "data_parallel_rank": 0,
        "use_sequence_parallel_moe": False,
        **parallel,
    }
    space = types.SimpleNamespace
    return space(
        kv_transfer_config=space(
            kv_connector_extra_config=extra,
            is_kv_producer=role in ("kv_producer", "kv_both"),
            is_kv_consumer=role in ("kv_consumer", "kv_both"),
        ),
        parallel_config=space(**sizes),
        model_config=space(
            get_num_experts=lambda: experts,
            get_num_experts_per_tok=lambda: top_k,
            served_model_name=["m", "other"],
            model="path/of/m",
            enforce_eager=True,
        ),
        cache_config=space(prefix_caching_hash_algo="sha256"),
        compilation_config=space(
            static_forward_context={layer.layer_name: layer for layer in layers}
        ),
    )


def cache_config(blocks: int, block_size: int, *specs: Any) -> Any:
    space = types.SimpleNamespace
    kinds = specs or (FullAttentionSpec(block_size),)
    return space(
        num_blocks=blocks,
        kv_cache_groups=[
            space(kv_cache_spec=kind, layer_names=[f"model.layers.{n}.attn", "more"])
            for n, kind in enumerate(kinds)
        ],
    )


def as_tensor(values: Any, dtype: Any = np.int32) -> Any:
    return fake_torch.Tensor(np.asarray(values, dtype=dtype))
