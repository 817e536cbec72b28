"""The routed experts of each token in the KV cache, by its slot, on the device.

The forward writes a row per token and layer; a prompt that ends is counted from the rows of its
slots. So the order of a batch, chunks of prompts, prefix hits and preemption need no care: whatever
KV a prompt uses, its rows were written with it. Rows of KV that came from outside, or that no
capture saw, hold a value that is no expert and are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eldr.signature import Whole


@dataclass
class PendingCounts:
    """Counts on their way from the device."""

    _host: Any
    _copied: Any

    def wait(self) -> tuple[Whole, int]:
        """The counts, [layers * experts], and of how many tokens they are."""
        if self._copied is not None:
            self._copied.synchronize()
        values = self._host.numpy()
        return values[:-1].astype(np.int64), int(values[-1])


class SlotTable:
    """Takes layers * top_k bytes per slot (two bytes each from 255 experts on).

    `torch` is handed in: the module is the engine's.
    """

    def __init__(
        self, torch: Any, *, slots: int, layers: int, experts: int, top_k: int, device: Any
    ) -> None:
        self._torch = torch
        self._experts = experts
        self._layers = layers
        self._top_k = top_k
        self._device = device
        narrow = experts < 255
        self._unknown = 255 if narrow else -1
        # One more row takes what padding writes.
        self._table = torch.full(
            (slots + 1, layers, top_k),
            self._unknown,
            dtype=torch.uint8 if narrow else torch.int16,
            device=device,
        )
        self._first = torch.arange(layers, device=device) * experts

    def write(self, layer: int, slots: Any, ids: Any) -> None:
        """The ids [rows, top_k or more] that a layer chose, for the slots of the batch's tokens.

        Either may be padded; a slot below 0 is none. No synchronisation, and fit for a graph.
        """
        rows = min(slots.shape[0], ids.shape[0])
        named = slots[:rows].long()
        named = self._torch.where(named < 0, self._table.shape[0] - 1, named)
        self._table[named, layer] = ids[:rows, : self._top_k].to(self._table.dtype)

    def forget(self, slots: Whole) -> None:
        self._table[self._on_device(slots)] = self._unknown

    def count(self, slots: Whole) -> PendingCounts:
        """The counts of these slots' tokens, as far as they are known."""
        torch = self._torch
        rows = self._table[self._on_device(slots)]
        known = (rows != self._unknown).all(dim=2).all(dim=1)
        cells = self._layers * self._experts
        index = rows.long() + self._first[None, :, None]
        # Tokens that are not known count for a cell of their own, which then takes the number of
        # those that are: all of it without waiting for the device.
        index = torch.where(known[:, None, None], index, cells).flatten()
        counts = torch.zeros((cells + 1,), dtype=torch.int32, device=self._device)
        ones = torch.ones(index.shape, dtype=torch.int32, device=self._device)
        counts.scatter_add_(0, index, ones)
        counts[-1] = known.sum()
        if getattr(self._device, "type", "cpu") == "cpu":
            return PendingCounts(counts, None)
        host = torch.empty((cells + 1,), dtype=torch.int32, pin_memory=True)
        host.copy_(counts, non_blocking=True)
        copied = torch.Event(self._device)
        copied.record()
        return PendingCounts(host, copied)

    def _on_device(self, slots: Whole) -> Any:
        return self._torch.from_numpy(slots).to(self._device)


def slots_of(blocks: Sequence[int], block_size: int, begin: int, end: int) -> Whole:
    """The slots of a request's tokens `begin` to `end` - 1."""
    tokens = np.arange(begin, end, dtype=np.int64)
    named = np.asarray(blocks, dtype=np.int64)
    return named[tokens // block_size] * block_size + tokens % block_size
