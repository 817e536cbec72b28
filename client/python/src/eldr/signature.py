"""Turns routed expert ids, or counts of them, into expert signatures."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eldr import v1

# Ids or counts: arrays of any whole type.
Whole: TypeAlias = "NDArray[Any]"

# The limits that the protos state.
MAX_LAYERS = 1_024
MAX_EXPERTS = 4_096
MAX_CELLS = 262_144
MAX_TOKENS = 16_777_216

_WIDTHS: tuple[tuple[int, v1.CountEncoding, str], ...] = (
    (0xFF, v1.COUNT_ENCODING_UINT8, "<u1"),
    (0xFFFF, v1.COUNT_ENCODING_UINT16, "<u2"),
    (0xFFFFFFFF, v1.COUNT_ENCODING_UINT32, "<u4"),
)


def check_geometry(geometry: v1.ModelGeometry) -> None:
    """ValueError, naming the field, for one outside of the limits that ModelGeometry states."""

    def refuse(field: str, value: int, expected: str) -> ValueError:
        return ValueError(f"geometry.{field} is {value}, expected {expected}")

    layers, experts, top_k = geometry.layers, geometry.experts, geometry.top_k
    if not 1 <= layers <= MAX_LAYERS:
        raise refuse("layers", layers, f"1 to {MAX_LAYERS}")
    if not 2 <= experts <= MAX_EXPERTS:
        raise refuse("experts", experts, f"2 to {MAX_EXPERTS}")
    if layers * experts > MAX_CELLS:
        raise refuse("layers * experts", layers * experts, f"at most {MAX_CELLS}")
    if not 1 <= top_k <= experts:
        raise refuse("top_k", top_k, f"1 to experts, {experts}")
    hidden = list(geometry.moe_hidden_layers)
    if hidden and len(hidden) != layers:
        raise refuse("moe_hidden_layers", len(hidden), f"as many as layers, {layers}")
    for before, layer in itertools.pairwise(hidden):
        if layer <= before:
            raise refuse("moe_hidden_layers", layer, "strictly ascending layers")


def encode_counts(
    counts: Whole, tokens: int, prompt_tokens: int | None = None
) -> v1.ExpertSignature:
    """Packs counts into the smallest form: sparse where under a tenth of them is not zero.

    Else dense, with the narrowest width that holds the largest. `counts` are layers * experts of
    them, of any shape. Checks nothing but that: whether the counts add up is for SignatureBuilder
    and the daemon to say.
    """
    flat = _whole(counts, "counts").ravel()
    signature = v1.ExpertSignature(tokens=tokens, prompt_tokens=prompt_tokens)
    indices = np.flatnonzero(flat)
    if indices.size * 10 < flat.size:
        signature.sparse.indices.extend(indices.tolist())
        signature.sparse.counts.extend(flat[indices].tolist())
        return signature
    most = int(flat.max(initial=0))
    for limit, encoding, dtype in _WIDTHS:
        if most <= limit:
            signature.dense.encoding = encoding
            signature.dense.data = flat.astype(dtype).tobytes()
            return signature
    raise ValueError(f"a count is {most}, expected at most {_WIDTHS[-1][0]}")


class SignatureBuilder:
    """Counts the experts that tokens were routed to.

        builder = eldr.SignatureBuilder(geometry)       # a v1.ModelGeometry
        builder.add_tokens(ids)                         # [tokens, layers, top_k]
        push.signature.CopyFrom(builder.build(prompt_tokens))

    Ids and counts may be arrays of any whole type. Not thread-safe. Errors are ValueErrors, name
    what is wrong and where, and change nothing.
    """

    def __init__(self, geometry: v1.ModelGeometry) -> None:
        check_geometry(geometry)
        self._layers = int(geometry.layers)
        self._experts = int(geometry.experts)
        self._top_k = int(geometry.top_k)
        self._hidden = list(geometry.moe_hidden_layers)
        self._counts = np.zeros(self._layers * self._experts, dtype=np.int64)
        self._tokens = 0

    @property
    def tokens(self) -> int:
        """The tokens added since the start or the last clear()."""
        return self._tokens

    @property
    def counts(self) -> Whole:
        """A copy of the counts so far, [layers, experts]."""
        counts: Whole = self._counts.reshape(self._layers, self._experts).copy()
        return counts

    def add_tokens(self, ids: Whole) -> None:
        """Adds tokens: the ids of each, layer by layer, top_k of them per MoE layer.

        Any number of whole tokens, of any shape: [tokens, layers, top_k] or flat. An id out of
        range, or twice in one layer of a token, is refused.
        """
        self._add(ids, self._layers, list(range(self._layers)))

    def add_hidden_layer_tokens(self, ids: Whole, hidden_layers: int) -> None:
        """As add_tokens, for ids with a row for each of `hidden_layers`, dense layers too.

        The geometry's moe_hidden_layers tell which rows count; without them hidden_layers must
        equal layers.
        """
        if not self._hidden:
            if hidden_layers != self._layers:
                raise ValueError(
                    f"hidden_layers is {hidden_layers}, expected {self._layers}: the geometry does "
                    "not tell which hidden layers are MoE layers (moe_hidden_layers)"
                )
            self.add_tokens(ids)
            return
        if self._hidden[-1] >= hidden_layers:
            raise ValueError(
                f"hidden_layers is {hidden_layers}, expected more than {self._hidden[-1]}, the "
                "last of moe_hidden_layers"
            )
        self._add(ids, hidden_layers, self._hidden)

    def add_counts(self, counts: Whole, tokens: int) -> None:
        """Adds layers * experts counts that were made elsewhere, of `tokens` tokens.

        A layer must be all zero (not covered) or sum to tokens * top_k, and no count may exceed
        tokens.
        """
        flat = _whole(counts, "counts").ravel()
        if flat.size != self._counts.size:
            raise ValueError(
                f"there are {flat.size} counts, expected {self._layers} x {self._experts}"
            )
        if tokens < 0:
            raise ValueError(f"tokens is {tokens}, expected at least 0")
        self._check_room(tokens)
        rows: Whole = flat.astype(np.int64).reshape(self._layers, self._experts)
        full = tokens * self._top_k
        for layer, row in enumerate(rows):
            low = int(row.min())
            if low < 0:
                at = int(row.argmin())
                raise ValueError(
                    f"count of layer {layer}, expert {at} is {low}, expected at least 0"
                )
            total = int(row.sum())
            if total not in (0, full):
                raise ValueError(
                    f"counts of layer {layer} sum to {total}, expected 0 or {full} = {tokens} "
                    f"tokens x top_k {self._top_k}"
                )
            at = int(row.argmax())
            if row[at] > tokens:
                raise ValueError(
                    f"count of layer {layer}, expert {at} is {row[at]}, expected at most tokens, "
                    f"{tokens}"
                )
        self._counts += rows.ravel()
        self._tokens += tokens

    def build(self, prompt_tokens: int | None = None) -> v1.ExpertSignature:
        """The signature of what was added. With no tokens it is one that the daemon refuses."""
        return encode_counts(self._counts, self._tokens, prompt_tokens)

    def clear(self) -> None:
        """Forgets all tokens, for the next request's signature or the next chunk of this one."""
        self._counts[:] = 0
        self._tokens = 0

    def _check_room(self, more: int) -> None:
        if more > MAX_TOKENS - self._tokens:
            raise ValueError(
                f"tokens would be {self._tokens + more}, expected at most {MAX_TOKENS}"
            )

    def _add(self, ids: Whole, rows_per_token: int, rows: list[int]) -> None:
        flat = _whole(ids, "ids").ravel()
        if flat.size % (rows_per_token * self._top_k):
            raise ValueError(
                f"there are {flat.size} ids, expected {rows_per_token} x {self._top_k} for each "
                "token"
            )
        tokens = flat.size // (rows_per_token * self._top_k)
        self._check_room(tokens)
        by_token = flat.reshape(tokens, rows_per_token, self._top_k)
        # Layer by layer, the order in which errors are looked for.
        chosen = by_token[:, rows, :].transpose(1, 0, 2)
        self._check_ids(chosen, rows)
        wide = chosen.astype(np.int64)
        wide += (np.arange(self._layers, dtype=np.int64) * self._experts)[:, None, None]
        self._counts += np.bincount(wide.ravel(), minlength=self._counts.size)
        self._tokens += tokens

    def _check_ids(self, chosen: Whole, rows: list[int]) -> None:
        if chosen.size == 0:
            return
        in_range = int(chosen.min()) >= 0 and int(chosen.max()) < self._experts
        if in_range:
            ordered = np.sort(chosen, axis=2)
            if not (ordered[:, :, 1:] == ordered[:, :, :-1]).any():
                return
        # Something is wrong: find where, by the plain rule.
        wrong = (chosen < 0) | (chosen >= self._experts)
        for choice in range(1, self._top_k):
            again = (chosen[:, :, :choice] == chosen[:, :, choice : choice + 1]).any(axis=2)
            wrong[:, :, choice] |= again
        layer, token, choice = (int(i[0]) for i in np.nonzero(wrong))
        expert = int(chosen[layer, token, choice])
        if not 0 <= expert < self._experts:
            raise ValueError(
                f"expert id of token {token}, row {rows[layer]}, choice {choice} is {expert}, "
                f"expected 0 to {self._experts - 1}"
            )
        raise ValueError(
            f"expert id {expert} comes twice in token {token}, row {rows[layer]}; expected "
            f"{self._top_k} different ones"
        )


def signature_blocks(
    geometry: v1.ModelGeometry, ids: Whole, hashes: Sequence[bytes], block_tokens: int
) -> list[v1.SignatureBlock]:
    """The signatures of the whole KV blocks of a prompt, for UpdateBlocks.

    `ids` are [tokens, layers, top_k] from the start of the first block on; `hashes` name the
    blocks, of `block_tokens` tokens each, in the order of the prompt. Tokens beyond the last hash
    are left out. ValueError if there are too few, or a hash is not one.
    """
    if block_tokens < 1:
        raise ValueError(f"block_tokens is {block_tokens}, expected at least 1")
    check_hashes(hashes)
    builder = SignatureBuilder(geometry)
    token_size = geometry.layers * geometry.top_k
    flat = _whole(ids, "ids").ravel()
    if flat.size < len(hashes) * block_tokens * token_size:
        raise ValueError(
            f"there are {flat.size} ids, expected {len(hashes)} blocks x {block_tokens} tokens x "
            f"{geometry.layers} x {geometry.top_k}"
        )
    blocks = []
    for number, block in enumerate(hashes):
        start = number * block_tokens * token_size
        builder.clear()
        builder.add_tokens(flat[start : start + block_tokens * token_size])
        blocks.append(v1.SignatureBlock(hash=block, signature=builder.build()))
    return blocks


def prompt_blocks(hashes: Sequence[bytes], prompt_tokens: int) -> v1.PromptBlocks:
    """The cached blocks of a prompt, for a push or a placement; ValueError if it is refused."""
    if not 1 <= prompt_tokens <= MAX_TOKENS:
        raise ValueError(f"prompt_tokens is {prompt_tokens}, expected 1 to {MAX_TOKENS}")
    if len(hashes) > 4_096:
        raise ValueError(f"there are {len(hashes)} hashes, expected at most 4096")
    check_hashes(hashes)
    return v1.PromptBlocks(hashes=hashes, prompt_tokens=prompt_tokens)


def check_hashes(hashes: Iterable[bytes]) -> None:
    """ValueError unless each is of 1 to 64 bytes and none comes twice."""
    seen: set[bytes] = set()
    for place, block in enumerate(hashes):
        if not 1 <= len(block) <= 64:
            raise ValueError(f"hash {place} is of {len(block)} bytes, expected 1 to 64")
        if block in seen:
            raise ValueError(f"hash {place}, {block.hex()}, comes twice")
        seen.add(block)


def _whole(values: Whole, name: str) -> Whole:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} are of type {array.dtype}, expected whole numbers")
    return array
