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
    """Counts of runs of tokens, on their way from the device."""

    _host: Any
    _copied: Any

    def wait(self) -> tuple[Whole, Whole]:
        """The counts of each run, [runs, layers * experts], and of how many tokens each is."""
        values = self._values()
        return values[:, :-1].astype(np.int64), values[:, -1].astype(np.int64)

    def is_there(self) -> bool:
        """Whether `wait` would not wait."""
        return self._copied is None or bool(self._copied.query())

    def _values(self) -> Whole:
        if self._copied is not None:
            self._copied.synchronize()
        values: Whole = self._host.numpy()
        return values


@dataclass
class PendingDistinct(PendingCounts):
    """How many distinct experts of all layers some tokens activated together."""

    def number(self) -> int | None:
        """None if a token is not known: the number would be too low."""
        distinct, missing = (int(value) for value in self._values())
        return None if missing else distinct


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
        # The slots that were written last, without those below 0.
        self._named: Any = None
        self._named_of = (0, 0)
        self._slots: Any = None

    def write(self, layer: int, slots: Any, ids: Any) -> None:
        """The ids [rows, top_k or more] that a layer chose, for the slots of the batch's tokens.

        Either may be padded; a slot below 0 is none. No synchronisation, and fit for a graph.
        """
        rows = min(slots.shape[0], ids.shape[0])
        # All layers of a forward have the same slots. The first one finds them anew, as they may
        # stand in a buffer that each forward fills; so does a recorded graph.
        if layer == 0 or self._named is None or self._named_of != (id(slots), rows):
            named = slots[:rows].long()
            self._named = self._torch.where(named < 0, self._table.shape[0] - 1, named)
            self._named_of = (id(slots), rows)
            self._slots = slots  # as long as it is here, no other one has its id
        self._table[self._named, layer] = ids[:rows, : self._top_k].to(self._table.dtype)

    def forget(self, slots: Whole) -> None:
        self._table[self._on_device(slots)] = self._unknown

    def count(self, slots: Whole, run: int = 0) -> PendingCounts:
        """The counts of these slots' tokens, as far as they are known.

        One for each `run` of them, the last of which may be shorter; 0: one of all.
        """
        return PendingCounts(*self._to_host(self._tally(slots, run or max(1, slots.size))))

    def distinct(self, slots: Whole) -> PendingDistinct:
        """How many (layer, expert) these slots' tokens activated, as one step's batch."""
        counts = self._tally(slots, max(1, slots.size))[0]
        missing = int(slots.size) - counts[-1]
        return PendingDistinct(
            *self._to_host(self._torch.stack([(counts[:-1] > 0).sum(), missing]))
        )

    def _tally(self, slots: Whole, run: int) -> Any:
        """[runs, layers * experts + 1]: counts, and of how many tokens; on the device."""
        torch = self._torch
        rows = self._table[self._on_device(slots)]
        known = (rows != self._unknown).all(dim=2).all(dim=1)
        runs = max(1, -(-int(slots.size) // run))
        width = self._layers * self._experts + 1
        # Tokens that are not known count for the last cell, which then takes the number of those
        # that are: all of it without waiting for the device.
        index = torch.where(
            known[:, None, None], rows.long() + self._first[None, :, None], width - 1
        )
        of_run = self._on_device(np.arange(slots.size, dtype=np.int64) // run)
        index = (index + (of_run * width)[:, None, None]).flatten()
        counts = torch.zeros((runs * width,), dtype=torch.int32, device=self._device)
        ones = torch.ones(index.shape, dtype=torch.int32, device=self._device)
        counts.scatter_add_(0, index, ones)
        tokens = torch.zeros((runs,), dtype=torch.int32, device=self._device)
        tokens.scatter_add_(0, of_run, known.to(torch.int32))
        counts = counts.reshape((runs, width))
        counts[:, width - 1] = tokens
        return counts

    def _to_host(self, values: Any) -> tuple[Any, Any]:
        """Where they will be, and what tells that they are; without waiting."""
        torch = self._torch
        if getattr(self._device, "type", "cpu") == "cpu":
            return values, None
        host = torch.empty(tuple(values.shape), dtype=values.dtype, pin_memory=True)
        host.copy_(values, non_blocking=True)
        copied = torch.Event(self._device)
        copied.record()
        return host, copied

    def _on_device(self, slots: Whole) -> Any:
        return self._torch.from_numpy(slots).to(self._device)


def slots_of(blocks: Sequence[int], block_size: int, begin: int, end: int) -> Whole:
    """The slots of a request's tokens `begin` to `end` - 1."""
    tokens = np.arange(begin, end, dtype=np.int64)
    named = np.asarray(blocks, dtype=np.int64)
    return named[tokens // block_size] * block_size + tokens % block_size


def slot_of(blocks: Sequence[int], block_size: int, token: int) -> int:
    return blocks[token // block_size] * block_size + token % block_size
