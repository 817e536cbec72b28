"""As much of SGLang as the plugin uses: its registry of hooks, and a scheduler with its names.

INTERFACES names the hook targets with their parameters, and TEXTS what is read of the scheduler's
objects, of the release 0.5.23; a test compares them with its sources where those are at hand
(ELDR_SGLANG_SOURCES, the folder `sglang` of an unpacked wheel).
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

INTERFACES: dict[str, dict[str, dict[str, list[str]]]] = {
    "srt/plugins/hook_registry.py": {
        "HookRegistry": {"register": ["cls", "target", "hook", "hook_type", "source"]},
    },
    "srt/managers/scheduler.py": {
        "Scheduler": {"process_batch_result": ["self", "batch", "result"]},
    },
    "srt/disaggregation/prefill.py": {
        "SchedulerDisaggregationPrefillMixin": {
            "process_batch_result_disagg_prefill": ["self", "batch", "result"],
        },
    },
    "srt/state_capturer/routed_experts.py": {"": {"get_global_experts_capturer": []}},
    "srt/state_capturer/base.py": {
        "BaseTopkCapturer": {
            "get_topk": ["self", "req_pool_idx", "seqlen", "req_to_token_pool", "start_len"],
        },
    },
    "srt/runtime_context.py": {"": {"get_parallel": []}},
}
TEXTS: dict[str, list[str]] = {
    "srt/disaggregation/prefill.py": [
        "if req.inflight_middle_chunks <= 0:",
        "self.disagg_prefill_inflight_queue.append(req)",
        "result.routed_experts_output.finalize()",
    ],
    "srt/disaggregation/decode.py": [
        "self.queue: List[DecodeRequest] = []",
        "self.retracted_queue: List[Req] = []",
        "self.pending_reqs: List[DecodeRequest] = []",
        "class DecodeRequest:\n    req: Req",
    ],
    "srt/managers/scheduler.py": [
        "self.waiting_queue: List[Req] = []",
        "self.running_batch: ScheduleBatch =",
        "self.cur_batch_for_debug",
        "self.last_batch",
        "self.disagg_decode_prealloc_queue = None",
        "self.disagg_decode_transfer_queue = None",
        "self.max_total_num_tokens",
        "self.server_args = server_args",
        "self.disaggregation_mode",
        "batch.after_idle_gap = self._sched_idled",
        "batch.launch_ts = time.monotonic()",
        "batch.forward_iter = self.forward_ct",
        "step_us = int((batch.launch_ts - prev_launch_ts) * 1e6)",
    ],
    "srt/managers/schedule_batch.py": ["def finished(self)", "def seqlen(self)"],
    "srt/managers/scheduler_components/batch_result_processor.py": [
        "req_pool_idx=req.kv.req_pool_idx",
        "len(req.origin_input_ids)",
        "capturer = get_global_experts_capturer()",
    ],
}


class HookType(enum.Enum):
    AFTER = "after"
    AROUND = "around"


class HookRegistry:
    """As SGLang's: AFTER gets the result first, AROUND the original."""

    def __init__(self, owners: dict[str, Any]) -> None:
        self._owners = owners
        self.targets: list[str] = []

    def register(self, target: str, hook: Callable[..., Any], hook_type: HookType) -> None:
        self.targets.append(target)
        path, name = target.rsplit(".", 1)
        owner = self._owners[path]
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            if hook_type is HookType.AROUND:
                return hook(original, *arguments, **named)
            result = original(*arguments, **named)
            modified = hook(result, *arguments, **named)
            return modified if modified is not None else result

        setattr(owner, name, wrapper)


@dataclass
class Req:
    rid: str
    origin_input_ids: list[int] = field(default_factory=list)
    inflight_middle_chunks: int = 0
    seqlen: int = 0
    done: bool = False
    kv: Any = None

    def finished(self) -> bool:
        return self.done


class Mode(enum.Enum):
    PREFILL = "prefill"
    DECODE = "decode"
    NULL = "null"


class ForwardMode:
    def __init__(self, decode: bool) -> None:
        self._decode = decode

    def is_decode(self) -> bool:
        return self._decode


def batch(
    reqs: list[Req],
    *,
    iteration: int = 0,
    launched: float = 0.0,
    decode: bool = True,
    after_idle: bool = False,
) -> Any:
    return types.SimpleNamespace(
        reqs=reqs,
        forward_iter=iteration,
        launch_ts=launched,
        after_idle_gap=after_idle,
        forward_mode=ForwardMode(decode),
    )


class Rows:
    """A tensor on the host."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def numpy(self) -> Any:
        return self._array


class Capturer:
    """Keeps rows by request slot, as SGLang does by token slot."""

    def __init__(self) -> None:
        self.rows: dict[int, Any] = {}

    def get_topk(
        self, req_pool_idx: int, seqlen: int, req_to_token_pool: Any, start_len: int = 0
    ) -> Rows:
        assert req_to_token_pool is not None
        return Rows(self.rows[req_pool_idx][start_len : seqlen - 1])


def made(**parallel: Any) -> tuple[dict[str, types.ModuleType], Any, HookRegistry, Capturer]:
    """Modules for sys.modules, the scheduler's class, the registry and the capturer."""

    class PrefillMixin:
        def process_batch_result_disagg_prefill(self: Any, batch: Any, result: Any) -> str:
            for req in batch.reqs:
                if req.inflight_middle_chunks <= 0:
                    if not req.finished():
                        self.disagg_prefill_inflight_queue.append(req)
                else:
                    req.inflight_middle_chunks -= 1
            return "done"

    class Scheduler(PrefillMixin):
        def __init__(self, mode: Mode, **server_args: Any) -> None:
            given = {"served_model_name": "m", "enable_return_routed_experts": True, **server_args}
            self.server_args = types.SimpleNamespace(**given)
            self.disaggregation_mode = mode
            self.req_to_token_pool = object()
            self.max_total_num_tokens = 4096
            self.waiting_queue: list[Req] = []
            self.running_batch = types.SimpleNamespace(reqs=[])
            self.last_batch = None
            self.cur_batch_for_debug = None
            self.disagg_prefill_inflight_queue: list[Req] = []
            decode = mode is Mode.DECODE
            space = types.SimpleNamespace
            self.disagg_decode_prealloc_queue = (
                space(queue=[], retracted_queue=[], pending_reqs=[]) if decode else None
            )
            self.disagg_decode_transfer_queue = space(queue=[]) if decode else None

        def process_batch_result(self, batch: Any, result: Any) -> None:
            if self.disaggregation_mode is Mode.PREFILL:
                self.process_batch_result_disagg_prefill(batch, result)

    capturer = Capturer()
    registry = HookRegistry(
        {
            "sglang.srt.managers.scheduler.Scheduler": Scheduler,
            "sglang.srt.disaggregation.prefill.SchedulerDisaggregationPrefillMixin": PrefillMixin,
        }
    )
    ranks = {
        "attn_tp_rank": 0,
        "pp_rank": 0,
        "pp_size": 1,
        "attn_dp_size": 1,
        "attn_dp_rank": 0,
        "dp_rank": None,
        **parallel,
    }
    modules: dict[str, types.ModuleType] = {}

    def module(name: str, **names: Any) -> None:
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            path = ".".join(parts[:depth])
            modules.setdefault(path, types.ModuleType(path))
        vars(modules[name]).update(names)

    module("sglang.srt.plugins.hook_registry", HookRegistry=registry, HookType=HookType)
    module("sglang.srt.runtime_context", get_parallel=lambda: types.SimpleNamespace(**ranks))
    module("sglang.srt.state_capturer.routed_experts", get_global_experts_capturer=lambda: capturer)
    return modules, Scheduler, registry, capturer


def random_rows(seed: int, tokens: int, hidden_layers: int, experts: int, top_k: int) -> Any:
    chance = np.random.default_rng(seed)
    rows = [chance.permutation(experts)[:top_k] for _ in range(tokens * hidden_layers)]
    return np.array(rows, dtype=np.int32).reshape(tokens, hidden_layers, top_k)
