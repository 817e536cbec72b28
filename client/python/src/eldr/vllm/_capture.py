"""Binds the slot table to the routers of the MoE layers, or says why that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from eldr.vllm._slots import SlotTable


class RefusedError(Exception):
    """Why this engine's layout cannot be served."""


def moe_layers(vllm_config: Any) -> list[Any]:
    """The MoE layers of the model itself, not of a draft beside it, in order."""
    from vllm.model_executor.layers.fused_moe.layer import MoERunner

    modules = vllm_config.compilation_config.static_forward_context.values()
    layers = [
        module
        for module in modules
        if isinstance(module, MoERunner) and not module.layer_name.startswith("mtp.")
    ]
    return sorted(layers, key=lambda layer: layer.layer_id)


def check_layout(vllm_config: Any, device: Any) -> None:
    """Refuses what the slot table would get wrong."""
    parallel = vllm_config.parallel_config
    for name in (
        "pipeline_parallel_size",
        "decode_context_parallel_size",
        "prefill_context_parallel_size",
    ):
        size = getattr(parallel, name, 1)
        if size > 1:
            raise RefusedError(f"{name} is {size}, expected 1: an engine sees only a part then")
    if getattr(parallel, "use_sequence_parallel_moe", False):
        raise RefusedError("sequence parallelism of MoE layers: a rank sees a part of the tokens")
    eager = getattr(vllm_config.model_config, "enforce_eager", False)
    if getattr(device, "type", "") == "cpu" and not eager:
        raise RefusedError("on a CPU compiled code leaves capture out: set --enforce-eager")


def is_first_rank() -> bool:
    """Experts are the same on all ranks of tensor parallelism."""
    from vllm.distributed.parallel_state import get_tp_group

    return bool(get_tp_group().is_first_rank)


class Capturer:
    """What routers call in the forward: `capture(layer_id, topk_ids)`."""

    def __init__(
        self, table: SlotTable, layer_ids: Sequence[int], attention_layer: str, dp_rank: int
    ) -> None:
        self._table = table
        self._row = {layer: row for row, layer in enumerate(layer_ids)}
        self._attention_layer = attention_layer
        self._dp_rank = dp_rank
        # Looked up once, as this is called for each layer of each step.
        from vllm.forward_context import get_forward_context, is_forward_context_available

        self._context, self._has_context = get_forward_context, is_forward_context_available
        # Why it gave up: a forward must not fail for this.
        self.broken: str | None = None

    def capture(self, layer_id: int, topk_ids: Any) -> None:
        if self.broken is not None:
            return
        try:
            self._capture(layer_id, topk_ids)
        except Exception as error:
            self.broken = f"layer {layer_id}, ids of shape {tuple(topk_ids.shape)}: {error!r}"

    def _capture(self, layer_id: int, topk_ids: Any) -> None:
        if not self._has_context():
            return
        context = self._context()
        slots = context.slot_mapping
        if isinstance(slots, list):  # two micro-batches
            from vllm.v1.worker.ubatching import dbo_current_ubatch_id

            slots = slots[dbo_current_ubatch_id()]
        if not slots or self._attention_layer not in slots:
            return  # a profile or dummy run
        ids = self._own(context, topk_ids)
        self._table.write(self._row[layer_id], slots[self._attention_layer], ids)

    def _own(self, context: Any, ids: Any) -> Any:
        """The rows of this data-parallel rank."""
        metadata = getattr(context, "dp_metadata", None)
        if metadata is None:
            return ids
        tokens = metadata.num_tokens_across_dp_cpu
        own, total, rows = int(tokens[self._dp_rank]), int(tokens.sum()), ids.shape[0]
        if rows == own:
            return ids
        if rows == total:
            end = int(tokens[: self._dp_rank + 1].sum())
            return ids[end - own : end]
        raise ValueError(f"{rows} rows, expected {own} of this rank or {total} of all")


def bind(layers: Sequence[Any], capturer: Capturer) -> None:
    """Sets the routers' callbacks; one that is set already is called first.

    RefusedError if a layer has none, as where routing is done inside of a kernel.
    """
    from vllm.model_executor.layers.fused_moe.routed_experts_capturer import (
        bind_routed_experts_capturer,
    )

    before = [_callback(layer) for layer in layers]
    try:
        bind_routed_experts_capturer(SimpleNamespace(modules=lambda: list(layers)), capturer)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    for layer, earlier in zip(layers, before, strict=True):
        if earlier is not None:
            _chain(layer, earlier)


def _callback(layer: Any) -> Callable[[Any], None] | None:
    sink = getattr(getattr(layer, "routed_experts", None), "routing_sink", None)
    return getattr(sink if sink is not None else getattr(layer, "router", None), "capture_fn", None)


def _chain(layer: Any, earlier: Callable[[Any], None]) -> None:
    ours = _callback(layer)
    assert ours is not None  # noqa: S101  it was bound just now

    def both(ids: Any) -> None:
        earlier(ids)
        ours(ids)

    sink = getattr(getattr(layer, "routed_experts", None), "routing_sink", None)
    if sink is not None:
        sink.capture_fn = both
    else:
        layer.router.set_capture_fn(both)
