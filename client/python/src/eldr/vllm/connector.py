"""The connector itself: what vLLM calls, and nothing else."""

from __future__ import annotations

import functools
import logging
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
from vllm.distributed.kv_transfer.kv_connector.v1.base import (
    KVConnectorBase_V1,
    KVConnectorMetadata,
    KVConnectorRole,
    KVConnectorWorkerMetadata,
    SupportsHMA,
)

from eldr._engine.config import Config, read
from eldr._engine.node import DecodeNode
from eldr._engine.push import DecodeJob, Job, Pusher
from eldr._reports import Load
from eldr.vllm import _capture
from eldr.vllm._hashes import BlockHashes, check_algorithm
from eldr.vllm._schedule import Schedule, Step
from eldr.vllm._slots import PendingDistinct, SlotTable, slots_of

# Below vLLM's own logger, which is the one that is set up to write.
_log = logging.getLogger("vllm.eldr")

Method = TypeVar("Method", bound=Callable[..., Any])


class EldrMetadata(KVConnectorMetadata):
    """From the scheduler's side to the worker's, each step."""

    def __init__(self, step: Step) -> None:
        self.step = step


class EldrWorkerMetadata(KVConnectorWorkerMetadata):
    """From the worker's side to the scheduler's: distinct experts of steps, by their numbers."""

    def __init__(self, distinct: dict[int, int | None]) -> None:
        self.distinct = distinct

    def aggregate(self, other: KVConnectorWorkerMetadata) -> KVConnectorWorkerMetadata:
        """Only the first rank tells anything; whatever comes beside it adds what it knows."""
        if isinstance(other, EldrWorkerMetadata):
            return EldrWorkerMetadata({**other.distinct, **self.distinct})
        return self


def _never_fails(answer: Any = None) -> Callable[[Method], Method]:
    """What goes wrong here must not end the engine: it is logged once, and this side stops."""

    def wrap(method: Method) -> Method:
        @functools.wraps(method)
        def guarded(self: EldrConnector, *arguments: Any, **named: Any) -> Any:
            if self.stopped is not None:
                return answer
            try:
                return method(self, *arguments, **named)
            except Exception as error:
                self.stop(f"{method.__name__}: {error!r}")
                _log.exception("eldr stops here; the engine goes on without it")
                return answer

        return guarded  # type: ignore[return-value]

    return wrap


class EldrConnector(KVConnectorBase_V1, SupportsHMA):
    """Transfers no KV: it watches. One object in the scheduler's process, one in each worker's."""

    def __init__(
        self, vllm_config: Any, role: KVConnectorRole, kv_cache_config: Any = None
    ) -> None:
        """ValueError for a key that makes no sense: the engine does not start with it."""
        super().__init__(vllm_config=vllm_config, role=role, kv_cache_config=kv_cache_config)
        transfer = self._kv_transfer_config
        self.config = read(
            transfer.kv_connector_extra_config or {},
            os.environ,
            producer=transfer.is_kv_producer,
            consumer=transfer.is_kv_consumer,
        )
        # Why this side does nothing any more.
        self.stopped: str | None = None
        self._cache = kv_cache_config
        self._group = attention_group(kv_cache_config, self.config)
        group = kv_cache_config.kv_cache_groups[self._group]
        self._block_size = group.kv_cache_spec.block_size
        self._attention_layer = group.layer_names[0]
        self._schedule: Schedule | None = None
        self._node: DecodeNode | None = None
        # Known only once the scheduler has it.
        self._block_pool: Any = None
        self._table: SlotTable | None = None
        self._capturer: _capture.Capturer | None = None
        self._pusher: Pusher | None = None
        self._distinct: list[tuple[int, PendingDistinct]] = []
        hashes = None
        if self.config.block_tokens and self.config.push:
            check_algorithm(vllm_config.cache_config.prefix_caching_hash_algo)
            hashes = BlockHashes(self._block_size, self.config.block_tokens)
        if role == KVConnectorRole.SCHEDULER:
            self._schedule = Schedule(
                self._group,
                self._block_size,
                capture_decode=self._captures_decode,
                hashes=hashes,
            )
            if self.config.report:
                parallel = vllm_config.parallel_config
                self._node = DecodeNode(
                    self.config,
                    model_name(vllm_config, self.config),
                    self._load,
                    engine="vllm",
                    # Each rank has an engine core of its own behind one address.
                    rank=parallel.data_parallel_rank if parallel.data_parallel_size > 1 else None,
                    kv_tokens=kv_cache_config.num_blocks * self._block_size,
                )
                self._node.start()
                self._node.drain_at_sigterm()

    @property
    def requires_kv_delivery(self) -> bool:
        return False

    @property
    def _captures_decode(self) -> bool:
        return bool(self.config.report) and self.config.capture_decode

    def stop(self, why: str) -> None:
        self.stopped = why

    # The scheduler's side.

    @_never_fails()
    def on_new_request(self, request: Any) -> None:
        if self._schedule is not None:
            self._schedule.new_request(request)

    @_never_fails((0, False))
    def get_num_new_matched_tokens(
        self, request: Any, num_computed_tokens: int
    ) -> tuple[int | None, bool]:
        if self._schedule is not None:
            self._schedule.local_hits(request.request_id, num_computed_tokens)
        return 0, False

    def update_state_after_alloc(self, request: Any, blocks: Any, num_external_tokens: int) -> None:
        """Says nothing to a child of MultiConnector that loads nothing."""

    def build_connector_meta(self, scheduler_output: Any) -> KVConnectorMetadata:
        return EldrMetadata(self._step(scheduler_output) or Step())

    @_never_fails()
    def _step(self, scheduler_output: Any) -> Step | None:
        return self._schedule.step(scheduler_output) if self._schedule is not None else None

    @_never_fails((False, None))
    def request_finished(
        self, request: Any, block_ids: list[int]
    ) -> tuple[bool, dict[str, Any] | None]:
        if self._schedule is not None:
            self._schedule.finished(request, block_ids)
        return False, None

    def request_finished_all_groups(
        self, request: Any, block_ids: tuple[list[int], ...]
    ) -> tuple[bool, dict[str, Any] | None]:
        return self.request_finished(request, block_ids[self._group] if block_ids else [])

    @_never_fails()
    def update_connector_output(self, connector_output: Any) -> None:
        told = connector_output.kv_connector_worker_meta
        if self._schedule is not None and isinstance(told, EldrWorkerMetadata):
            self._schedule.experts(told.distinct)

    @_never_fails()
    def bind_gpu_block_pool(self, gpu_block_pool: Any) -> None:
        self._block_pool = gpu_block_pool

    def _load(self) -> Load:
        assert self._schedule is not None  # noqa: S101  of the scheduler's side
        usage = None
        if self._block_pool is not None:
            usage = min(1.0, max(0.0, float(self._block_pool.get_usage())))
        return self._schedule.load(usage)

    # The worker's side.

    @_never_fails()
    def register_kv_caches(self, kv_caches: dict[str, Any]) -> None:
        if not self.config.push and not self._captures_decode:
            return
        try:
            first: Any = next(iter(kv_caches.values()))
            # Some layers, as those with a state, have several tensors.
            self._bind((first[0] if isinstance(first, list | tuple) else first).device)
        except _capture.RefusedError as refusal:
            self.stop(str(refusal))
            _log.error("eldr captures no experts: %s. The engine goes on without.", refusal)

    def _bind(self, device: Any) -> None:
        import torch

        vllm_config = self._vllm_config
        if not _capture.is_first_rank():
            return
        _capture.check_layout(vllm_config, device)
        layers = _capture.moe_layers(vllm_config)
        if not layers:
            raise _capture.RefusedError("the model has no MoE layer that vLLM can capture")
        experts = vllm_config.model_config.get_num_experts()
        top_k = vllm_config.model_config.get_num_experts_per_tok()
        slots = self._cache.num_blocks * self._block_size
        table = SlotTable(
            torch, slots=slots, layers=len(layers), experts=experts, top_k=top_k, device=device
        )
        capturer = _capture.Capturer(
            table,
            [layer.layer_id for layer in layers],
            self._attention_layer,
            vllm_config.parallel_config.data_parallel_rank,
        )
        _capture.bind(layers, capturer)
        self._table, self._capturer = table, capturer
        model = model_name(vllm_config, self.config)
        worker = self.config.worker or socket.gethostname()
        if self.config.block_tokens and self.config.cache:
            worker = self.config.cache  # blocks are known by the cache that holds them
        self._pusher = Pusher(self.config.options(), model, worker, self.config.queue)
        _log.info(
            "eldr captures %d layers x %d experts, top-%d, for %d KV slots, and tells %s as "
            'model "%s"',
            len(layers),
            experts,
            top_k,
            slots,
            self.config.target,
            model,
        )

    def bind_connector_metadata(self, connector_metadata: KVConnectorMetadata) -> None:
        super().bind_connector_metadata(connector_metadata)
        self._forget(connector_metadata)

    @_never_fails()
    def _forget(self, metadata: Any) -> None:
        """Runs before the forward, and so before anything writes to these slots."""
        if self._table is None:
            return
        for over in metadata.step.decoded:  # first: its blocks may be another request's by now
            if self._pusher is not None:
                slots = slots_of(over.blocks, self._block_size, over.begin, over.end)
                self._pusher.offer(
                    DecodeJob(
                        over.request_id,
                        over.lease_id,
                        over.output_tokens,
                        self._table.count(slots),
                    )
                )
        for span in metadata.step.unknown:
            self._table.forget(slots_of(span.blocks, self._block_size, span.begin, span.end))

    @_never_fails()
    def wait_for_save(self) -> None:
        """Runs after the forward: counts the prompts that ended in it, and the experts it used."""
        if self._table is None or self._pusher is None or not self.has_connector_metadata():
            return
        if self._capturer is not None and self._capturer.broken is not None:
            self.stop(self._capturer.broken)
            _log.error("eldr pushes no more signatures: %s", self._capturer.broken)
            return
        step = self._get_connector_metadata().step
        for ended in step.ended if self.config.push else ():
            slots = slots_of(ended.blocks, self._block_size, 0, ended.prompt_tokens)
            run = self.config.block_tokens if ended.hashes else 0
            self._pusher.offer(
                Job(
                    ended.request_id,
                    ended.prompt_tokens,
                    ended.external_tokens,
                    self._table.count(slots, run),
                    ended.hashes,
                    run,
                )
            )
        if step.decoding:
            slots = np.asarray(step.decoding, dtype=np.int64)
            self._distinct.append((step.number, self._table.distinct(slots)))

    @_never_fails()
    def build_connector_worker_meta(self) -> KVConnectorWorkerMetadata | None:
        """Of the steps whose numbers have come from the device."""
        there: dict[int, int | None] = {}
        while self._distinct and self._distinct[0][1].is_there():
            number, distinct = self._distinct.pop(0)
            there[number] = distinct.number()
        return EldrWorkerMetadata(there) if there else None

    def start_load_kv(self, forward_context: Any, **kwargs: Any) -> None:
        """Nothing is loaded."""

    def wait_for_layer_load(self, layer_name: str) -> None:
        """Nothing is loaded."""

    def save_kv_layer(
        self, layer_name: str, kv_layer: Any, attn_metadata: Any, **kwargs: Any
    ) -> None:
        """Nothing is saved."""

    # Both.

    def shutdown(self) -> None:
        try:
            if self._pusher is not None:
                self._pusher.close()
                _log.info("eldr: signatures %s", dict(self._pusher.outcomes))
            if self._schedule is not None:
                resumed = self._schedule.resumed_prompts
                _log.info("eldr: prompts preempted in their middle: %d", resumed)
            if self._node is not None:
                self._node.close()
        except Exception:
            _log.exception("eldr did not end in order")


def model_name(vllm_config: Any, config: Config) -> str:
    """What frontends call the model."""
    if config.model:
        return config.model
    served = vllm_config.model_config.served_model_name
    if isinstance(served, str):
        return served
    return str(next(iter(_names(served)), vllm_config.model_config.model))


def _names(served: Any) -> Iterable[str]:
    return served or ()


def attention_group(kv_cache_config: Any, config: Config) -> int:
    """The KV cache group whose slots name all tokens. ValueError if the one asked for is none."""
    groups = kv_cache_config.kv_cache_groups
    if config.attention_group is not None:
        if config.attention_group >= len(groups):
            raise ValueError(
                f"attention_group is {config.attention_group}, expected less than {len(groups)}"
            )
        return config.attention_group
    # A window's blocks are freed under way, and a state has no slots.
    for number, group in enumerate(groups):
        kind = type(group.kv_cache_spec).__name__
        if "FullAttention" in kind or "MLAAttention" in kind:
            return number
    return 0
