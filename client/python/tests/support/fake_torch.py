"""As much of torch as the slot table uses, over numpy: with torch's broadcasting and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

uint8, int16, int32, int64 = np.uint8, np.int16, np.int32, np.int64


class Device:
    def __init__(self, kind: str = "cpu") -> None:
        self.type = kind


class Tensor:
    def __init__(self, array: Any, device: Any = None) -> None:
        self.array = np.asarray(array)
        self.device = device or Device()

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.array.shape
        return shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(self.array[_plain(key)], self.device)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, Tensor) and value.array.size != 1:
            assert value.dtype == self.dtype, "torch does not convert what it scatters"
        self.array[_plain(key)] = _plain(value)

    def __gt__(self, other: Any) -> Tensor:
        return Tensor(self.array > _plain(other))

    def __lt__(self, other: Any) -> Tensor:
        return Tensor(self.array < _plain(other))

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return Tensor(self.array != _plain(other))

    def __add__(self, other: Any) -> Tensor:
        assert self.dtype == other.dtype
        return Tensor(self.array + other.array)

    def __rsub__(self, other: int) -> Tensor:
        return Tensor(other - self.array.astype(np.int64))

    def __mul__(self, other: int) -> Tensor:
        return Tensor(self.array * other)

    def __int__(self) -> int:
        return int(self.array)

    __hash__ = None  # type: ignore[assignment]

    def long(self) -> Tensor:
        return Tensor(self.array.astype(np.int64))

    def to(self, target: Any) -> Tensor:
        if isinstance(target, Device):
            return Tensor(self.array, target)
        return Tensor(self.array.astype(target), self.device)

    def all(self, dim: int) -> Tensor:
        assert self.dtype == np.bool_
        return Tensor(self.array.all(axis=dim))

    def sum(self) -> Tensor:
        return Tensor(self.array.sum())

    def reshape(self, shape: tuple[int, ...]) -> Tensor:
        return Tensor(self.array.reshape(shape), self.device)

    def flatten(self) -> Tensor:
        return Tensor(self.array.ravel())

    def scatter_add_(self, dim: int, index: Tensor, source: Tensor) -> None:
        assert dim == 0
        assert index.dtype == np.int64
        assert source.dtype == self.dtype
        np.add.at(self.array, index.array, source.array)

    def copy_(self, source: Tensor, non_blocking: bool = False) -> None:
        self.array[...] = source.array

    def numpy(self) -> Any:
        return self.array


class Event:
    """Of a device whose work is done when it is waited for, or asked about a second time."""

    def __init__(self, device: Any) -> None:
        self.recorded = False
        self.asked = 0

    def query(self) -> bool:
        assert self.recorded
        self.asked += 1
        return self.asked > 1

    def record(self) -> None:
        self.recorded = True

    def synchronize(self) -> None:
        assert self.recorded


def full(shape: Any, value: int, *, dtype: Any, device: Any) -> Tensor:
    return Tensor(np.full(shape, value, dtype=dtype), device)


def zeros(shape: Any, *, dtype: Any, device: Any) -> Tensor:
    return Tensor(np.zeros(shape, dtype=dtype), device)


def ones(shape: Any, *, dtype: Any, device: Any) -> Tensor:
    return Tensor(np.ones(shape, dtype=dtype), device)


def stack(tensors: list[Tensor]) -> Tensor:
    return Tensor(np.stack([tensor.array.astype(np.int64) for tensor in tensors]))


def empty(shape: Any, *, dtype: Any, pin_memory: bool) -> Tensor:
    assert pin_memory
    return Tensor(np.empty(shape, dtype=dtype))


def arange(end: int, *, device: Any) -> Tensor:
    return Tensor(np.arange(end, dtype=np.int64), device)


def where(condition: Tensor, one: Any, other: Any) -> Tensor:
    chosen = np.where(condition.array, _plain(one), _plain(other))
    kept = one if isinstance(one, Tensor) else other
    return Tensor(chosen.astype(kept.dtype))


def from_numpy(array: Any) -> Tensor:
    return Tensor(array)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in value)
    return value.array if isinstance(value, Tensor) else value
