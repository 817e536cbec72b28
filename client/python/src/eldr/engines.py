"""Routed experts as engines return them in their answers' bodies, into signatures.

docs/engines.md tells what vLLM, SGLang and the published algorithm's reference return. All input is
untrusted: every error is a ValueError, says what was found and what was expected, and comes before
an allocation that the input's size does not justify.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eldr import v1
from eldr._told_tokens import RowCount, ToldTokens
from eldr.signature import MAX_EXPERTS, MAX_TOKENS, SignatureBuilder, Whole, check_geometry

# The forms of ids, as errors name them.
_NPY = "vLLM .npy"
_LISTS = "vLLM lists"
_PROMPT_LISTS = "vLLM lists of the prompt"  # beside which those of decode may stand
_INT32 = "SGLang int32"

# Far more hidden layers, dense ones included, than any model has.
_MAX_HIDDEN_LAYERS = 4_096
# '|' says that byte order does not matter, which some writers say of single bytes only.
_TYPES = ("|u1", "<u1", "<u2", "<i2", "<i4", "<u4", "<i8")


def signature_of_body(
    body: Any,
    geometry: v1.ModelGeometry,
    *,
    hidden_layers: int = 0,
    choice: int = 0,
    start_len: int = 0,
) -> v1.ExpertSignature | None:
    """The signature of the prompt that a whole JSON body (parsed) is the answer to.

    Recognises the form by where the experts stand; None if there are none. The prompt ends where
    `prompt_tokens` of usage or meta_info says or, without it, `completion_tokens` leaves it; rows
    behind it are not read, as engines pad what they did not capture. A body of several choices does
    not tell. `hidden_layers` is for SGLang alone, whose form has no shape: it must have as many
    rows as the body itself tells. `start_len` is how many tokens the engine was asked to leave out
    at the front (SGLang's routed_experts_start_len). ValueError if they are not of this model, or
    it is not known which rows are the prompt's.
    """
    check_geometry(geometry)
    if not isinstance(body, Mapping):
        return None
    builder = SignatureBuilder(geometry)
    reference = _at(body, "kv_transfer_params", "eldr_sig")
    if isinstance(reference, str):
        counts, tokens = decode_reference_counts(reference, geometry)
        builder.add_counts(counts, tokens)
        return builder.build(tokens)
    found = _experts_of(body, choice)
    if found is None:
        return None
    form, experts = found
    try:
        told = ToldTokens(body, start_len)
        ids = _open(form, experts, geometry, hidden_layers, told)
        whole = (len(ids), min(len(ids), MAX_TOKENS))
        rows, prompt = whole if form == _PROMPT_LISTS else told.prompt_among(len(ids))
        builder.add_tokens(_select(ids[:rows], geometry))
        return builder.build(prompt)
    except ValueError as error:
        raise ValueError(f"{form}: {error}") from None


def decode_vllm_npy(text: str, geometry: v1.ModelGeometry) -> Whole:
    """vLLM 0.22 and later: base64 of a .npy file, [tokens, hidden_layers, top_k].

    The ids of the MoE layers, [tokens, layers, top_k].
    """
    return parse_npy(_decode_base64(text), geometry)


def parse_npy(data: bytes, geometry: v1.ModelGeometry) -> Whole:
    """A whole .npy file of format 1.0 to 3.0 with whole numbers, in C order, nothing after it."""
    return _select(_open_npy(data), geometry)


def _open_npy(data: bytes) -> Whole:
    file = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            reader: Any = np.lib.format
            version = reader.read_magic(file)
            if version not in ((1, 0), (2, 0), (3, 0)):
                raise ValueError(f"version {version}: expected 1.0, 2.0 or 3.0")
            read = (
                reader.read_array_header_1_0 if version == (1, 0) else reader.read_array_header_2_0
            )
            shape, fortran_order, dtype = read(file)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"the header of the .npy: {error}") from None
    if dtype.str not in _TYPES:
        raise ValueError(
            f'descr "{dtype.str}": expected |u1, <u2, <i2, <i4, <u4 or <i8 (whole numbers, '
            "little-endian)"
        )
    if fortran_order:
        raise ValueError("fortran_order True: expected False (C order)")
    if len(shape) != 3:
        raise ValueError(f"shape {shape}: expected (tokens, layers, top_k)")
    rest = data[file.tell() :]
    _check_shape(shape, dtype.itemsize, len(rest))
    ids: Whole = np.frombuffer(rest, dtype).reshape(shape)
    return ids


def decode_sglang_int32(text: str, geometry: v1.ModelGeometry, hidden_layers: int = 0) -> Whole:
    """SGLang: base64 of int32, little-endian, [tokens, hidden_layers, top_k] without a header.

    `hidden_layers` of 0 stands for the geometry's: one more than the last of moe_hidden_layers,
    else layers. (A model whose last layers are dense needs the number.)
    """
    return _select(_open_int32(text, geometry, hidden_layers, RowCount()), geometry)


def _open_int32(text: str, geometry: v1.ModelGeometry, hidden_layers: int, told: RowCount) -> Whole:
    """A body with another number of rows per token would be read shifted where its size divides.

    So the tokens that come out must be as many as were told.
    """
    moe = geometry.moe_hidden_layers
    rows = hidden_layers or (moe[-1] + 1 if moe else geometry.layers)
    data = _decode_base64(text)
    row_bytes = geometry.top_k * 4
    tokens, rest = divmod(len(data), rows * row_bytes)
    if tokens == 0 or rest:
        raise ValueError(
            f"{len(data)} bytes of raw int32, expected tokens x {rows} hidden layers x top_k "
            f"{geometry.top_k} x 4 bytes{_other_layers(len(data), row_bytes, told)}"
        )
    if not told.least <= tokens <= told.most:
        missing = "; tell how many were left out at the front, if any (start_len)"
        raise ValueError(
            f"{len(data)} bytes of raw int32 are rows of {tokens} tokens with {rows} hidden layers "
            f"and top_k {geometry.top_k}, expected {told} by {told.by}"
            f"{_other_layers(len(data), row_bytes, told)}{missing if tokens < told.least else ''}"
        )
    shape = (tokens, rows, geometry.top_k)
    _check_shape(shape, 4, len(data))
    ids: Whole = np.frombuffer(data, "<i4").reshape(shape)
    return ids


def _other_layers(data_bytes: int, row_bytes: int, told: RowCount) -> str:
    """What to correct, if the body's own count explains the bytes by other rows per token."""
    if told.most == math.inf or data_bytes == 0 or data_bytes % (int(told.most) * row_bytes):
        return ""
    return (
        f": the body has {data_bytes // (int(told.most) * row_bytes)} rows per token; tell which "
        "of its hidden layers are MoE layers (moe_hidden_layers), or how many there are "
        "(hidden_layers)"
    )


def decode_lists(lists: Any, geometry: v1.ModelGeometry) -> Whole:
    """vLLM 0.21: lists [tokens][layers][top_k]."""
    return _select(_open_lists(lists), geometry)


def _open_lists(lists: Any) -> Whole:
    try:
        array = np.array(lists)
    except ValueError:
        raise ValueError("lists of differing lengths, expected [tokens][layers][top_k]") from None
    if array.dtype.kind not in "iu" or array.ndim != 3:
        raise ValueError(
            f"lists of {array.dtype} in {array.ndim} levels, expected whole numbers in "
            "[tokens][layers][top_k]"
        )
    return array


def decode_reference_counts(text: str, geometry: v1.ModelGeometry) -> tuple[Whole, int]:
    """The reference of the published algorithm: base64 of int16 counts, [layers, experts].

    The counts and the tokens that they are of: the sum of a row / top_k. A row of zeros is a layer
    without counts.
    """
    data = _decode_base64(text)
    layers, experts, top_k = geometry.layers, geometry.experts, geometry.top_k
    if len(data) != layers * experts * 2:
        raise ValueError(
            f"{len(data)} bytes of int16 counts, expected {layers * experts * 2} = {layers} layers "
            f"x {experts} experts x 2 bytes"
        )
    counts: Whole = np.frombuffer(data, "<i2").reshape(layers, experts).astype(np.int64)
    below = np.argwhere(counts < 0)
    if below.size:
        layer, expert = below[0]
        raise ValueError(
            f"layer {layer}, expert {expert}: count {counts[layer, expert]}, expected none below 0"
        )
    tokens = 0
    for layer, row in enumerate(counts):
        total, most = int(row.sum()), int(row.max())
        if total == 0:
            continue
        here = total // top_k
        if total % top_k or most > here:
            raise ValueError(
                f"layer {layer}: counts sum to {total} with {most} of one expert, expected tokens "
                f"x top_k {top_k} and no expert more often than tokens"
            )
        if tokens not in (0, here):
            raise ValueError(
                f"layer {layer}: counts are of {here} tokens, expected {tokens} as in the layers "
                "before"
            )
        tokens = here
    if tokens == 0:
        raise ValueError("all counts are 0, expected those of at least one token")
    return counts, tokens


def _at(value: Any, *path: str | int) -> Any:
    for step in path:
        if isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, Sequence) and not isinstance(value, str):
            value = value[step] if step < len(value) else None
        else:
            return None
    return value


def _experts_of(body: Mapping[str, Any], choice: int) -> tuple[str, Any] | None:
    """The name of the form, and the experts in it; None if there are none."""
    vllm = _at(body, "choices", choice, "routed_experts")
    prompt_lists = body.get("prompt_routed_experts")
    if isinstance(prompt_lists, list):
        if isinstance(vllm, str):
            raise ValueError(
                f"{_NPY}: prompt_routed_experts beside {_NPY}, expected routed_experts as lists "
                "beside it"
            )
        return _PROMPT_LISTS, prompt_lists
    if isinstance(vllm, str):
        return _NPY, vllm
    if isinstance(vllm, list):
        return _LISTS, vllm
    for path in (
        ("meta_info", "routed_experts"),
        ("choices", choice, "sgl_ext", "routed_experts"),
        ("sglext", "routed_experts"),
    ):
        sglang = _at(body, *path)
        if isinstance(sglang, str):
            return _INT32, sglang
    return None


def _open(
    form: str, experts: Any, geometry: v1.ModelGeometry, hidden_layers: int, told: ToldTokens
) -> Whole:
    """[tokens, hidden_layers, top_k], of which no id was looked at."""
    if form == _NPY:
        return _open_npy(_decode_base64(experts))
    if form == _INT32:
        return _open_int32(experts, geometry, hidden_layers, told.rows())
    return _open_lists(experts)


def _decode_base64(text: str) -> bytes:
    # The decoder of the library says neither what is wrong nor where.
    wrong = re.search(r"[^A-Za-z0-9+/]", text.rstrip("="))
    if wrong is not None:
        raise ValueError(
            f'base64: character "{wrong.group()}" at {wrong.start()}, expected A-Z, a-z, 0-9, + or '
            "/"
        )
    if len(text) % 4:
        raise ValueError(f"base64: {len(text)} characters, expected a multiple of 4")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("base64: its end does not fit its padding") from None


def _check_shape(shape: Sequence[int], width: int, data_bytes: int) -> None:
    tokens, hidden_layers, top_k = shape
    text = f"({tokens}, {hidden_layers}, {top_k})"
    if hidden_layers > _MAX_HIDDEN_LAYERS or top_k > MAX_EXPERTS:
        raise ValueError(
            f"shape {text}: expected at most {_MAX_HIDDEN_LAYERS} layers and top_k {MAX_EXPERTS}"
        )
    if 0 in shape:
        raise ValueError(f"shape {text}: expected no dimension of 0")
    if min(shape) < 0 or tokens * hidden_layers * top_k * width != data_bytes:
        raise ValueError(
            f"shape {text} of {width}-byte ids: {data_bytes} bytes of data do not fit it"
        )


def _select(ids: Whole, geometry: v1.ModelGeometry) -> Whole:
    """Drops the rows of dense layers and checks every id that is left."""
    text = f"({', '.join(map(str, ids.shape))})"
    if ids.shape[2] != geometry.top_k:
        raise ValueError(f"shape {text} has top_k {ids.shape[2]}, expected {geometry.top_k}")
    hidden = ids.shape[1]
    if hidden != geometry.layers:
        moe = list(geometry.moe_hidden_layers)
        if not moe:
            raise ValueError(
                f"shape {text} has {hidden} rows per token, expected {geometry.layers}: the "
                "geometry does not tell which hidden layers are MoE layers (moe_hidden_layers)"
            )
        if moe[-1] >= hidden:
            raise ValueError(
                f"shape {text} has {hidden} rows per token, expected {geometry.layers}, or more "
                f"than {moe[-1]}, the last of moe_hidden_layers"
            )
        ids = ids[:, moe, :]
    SignatureBuilder(geometry).add_tokens(ids)  # for its checks
    return ids
