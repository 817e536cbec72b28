"""What hangs on SGLang's hooks."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eldr import v1
from eldr._engine.config import Config, read
from eldr._engine.node import DecodeNode
from eldr._engine.push import Job, Pusher
from eldr.client import Client
from eldr.sglang._requests import Requests
from eldr.signature import SignatureBuilder, Whole

_log = logging.getLogger("eldr.sglang")

SCHEDULER = "sglang.srt.managers.scheduler.Scheduler"
PREFILL = "sglang.srt.disaggregation.prefill.SchedulerDisaggregationPrefillMixin"


class Plugin:
    """One scheduler per process. A fault of ours is logged, and that part stops."""

    def __init__(self) -> None:
        self._pusher: Pusher | None = None
        self._geometry: Geometry | None = None
        self._requests: Requests | None = None
        self._node: DecodeNode | None = None

    def hook(self) -> None:
        from sglang.srt.plugins.hook_registry import HookRegistry, HookType

        HookRegistry.register(f"{SCHEDULER}.__init__", self.after_init, HookType.AFTER)
        HookRegistry.register(
            f"{PREFILL}.process_batch_result_disagg_prefill", self.around_prefill, HookType.AROUND
        )
        HookRegistry.register(f"{SCHEDULER}.process_batch_result", self.after_batch, HookType.AFTER)

    def after_init(self, result: Any, scheduler: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        """Raises nothing but for settings that make no sense: those stop the start."""
        mode = scheduler.disaggregation_mode.value
        config = read({}, os.environ, producer=mode == "prefill", consumer=mode == "decode")
        try:
            self._start(scheduler, config)
        except Exception:
            _log.exception("eldr stops here; the engine goes on without it")

    def around_prefill(
        self, original: Callable[..., Any], scheduler: Any, batch: Any, *rest: Any, **more: Any
    ) -> Any:
        """Pushes the prompts that end in this batch, once their KV is on its way."""
        ending = []
        if self._pusher is not None:
            ending = [one for one in batch.reqs if one.inflight_middle_chunks <= 0]
        result = original(scheduler, batch, *rest, **more)
        if ending:
            try:
                self._push(scheduler, ending)
            except Exception:
                self._pusher = None
                _log.exception("eldr pushes no more signatures; the engine goes on")
        return result

    def after_batch(self, result: Any, scheduler: Any, batch: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        if self._requests is None:
            return
        try:
            self._requests.step(batch)
        except Exception:
            self._requests = None
            _log.exception("eldr reports no more steps; the engine goes on")

    def close(self) -> None:
        if self._pusher is not None:
            self._pusher.close()
        if self._node is not None:
            self._node.close()

    def _start(self, scheduler: Any, config: Config) -> None:
        from sglang.srt.runtime_context import get_parallel

        parallel = get_parallel()
        if parallel.attn_tp_rank != 0 or parallel.pp_rank != 0:
            return  # the others of its rank have the same requests
        model = config.model or scheduler.server_args.served_model_name
        if config.push:
            self._start_pushing(scheduler, config, model, parallel)
        if config.report:
            self._requests = Requests(scheduler)
            several = parallel.attn_dp_size > 1
            self._node = DecodeNode(
                config,
                model,
                self._requests.load,
                engine="sglang",
                rank=parallel.attn_dp_rank if several else parallel.dp_rank,
                kv_tokens=scheduler.max_total_num_tokens,
            )
            self._node.start()

    def _start_pushing(self, scheduler: Any, config: Config, model: str, parallel: Any) -> None:
        why = None
        if parallel.pp_size > 1:
            why = f"pipeline parallelism of {parallel.pp_size}: an engine sees only its layers"
        elif not scheduler.server_args.enable_return_routed_experts:
            why = "--enable-return-routed-experts is not set"
        if why is not None:
            _log.error("eldr pushes no signatures: %s. The engine goes on without.", why)
            return
        worker = config.worker or socket.gethostname()
        self._geometry = Geometry(config, model)
        self._pusher = Pusher(config.options(), model, worker, config.queue)
        _log.info('eldr pushes to %s as model "%s"', config.target, model)

    def _push(self, scheduler: Any, ending: list[Any]) -> None:
        from sglang.srt.state_capturer.routed_experts import get_global_experts_capturer

        capturer = get_global_experts_capturer()
        if capturer is None or self._pusher is None or self._geometry is None:
            return
        # The others were aborted, or start again.
        on_their_way = {id(one) for one in scheduler.disagg_prefill_inflight_queue}
        for request in ending:
            if id(request) not in on_their_way:
                continue
            prompt = len(request.origin_input_ids)
            rows = capturer.get_topk(
                req_pool_idx=request.kv.req_pool_idx,
                seqlen=prompt + 1,
                req_to_token_pool=scheduler.req_to_token_pool,
                start_len=0,
            )
            self._pusher.offer(Job(request.rid, prompt, 0, Rows(rows, self._geometry)))


class Geometry:
    """The model's, as the router has it; asked for in the pushing thread, once."""

    def __init__(self, config: Config, model: str) -> None:
        self._config = config
        self._model = model
        self._known: v1.ModelGeometry | None = None

    def get(self) -> v1.ModelGeometry:
        if self._known is None:
            with Client(self._config.options()) as client:
                described = client.describe_model(v1.DescribeModelRequest(name=self._model))
            self._known = described.model.geometry
        return self._known


@dataclass
class Rows:
    """Experts of a prompt's tokens on the host, [tokens, hidden layers, top_k], to be counted."""

    _ids: Any
    _geometry: Geometry

    def wait(self) -> tuple[Whole, Whole]:
        ids = np.asarray(self._ids.numpy())
        builder = SignatureBuilder(self._geometry.get())
        builder.add_hidden_layer_tokens(ids, ids.shape[1])
        return builder.counts.reshape(1, -1), np.array([builder.tokens])
