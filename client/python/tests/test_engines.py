from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest

import eldr
from eldr import engines, v1
from test_signature import expect, geometry_of, vectors

GEOMETRY = v1.ModelGeometry(layers=2, experts=8, top_k=2)
IDS = np.array([[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[0, 7], [1, 2]]])


def npy(ids: Any, dtype: str = "u1") -> str:
    file = io.BytesIO()
    np.save(file, ids.astype(dtype))
    return base64.b64encode(file.getvalue()).decode()


def int32(ids: Any) -> str:
    return base64.b64encode(ids.astype("<i4").tobytes()).decode()


def expected(tokens: int, prompt: int | None = None) -> v1.ExpertSignature:
    builder = eldr.SignatureBuilder(GEOMETRY)
    builder.add_tokens(IDS[:tokens])
    return builder.build(prompt)


@vectors("forms")
def test_decodes_as_the_cpp_decoders_do(case: dict[str, Any]) -> None:
    geometry = geometry_of(case)

    def make() -> v1.ExpertSignature:
        builder = eldr.SignatureBuilder(geometry)
        if case["form"] == "npy":
            builder.add_tokens(engines.decode_vllm_npy(case["text"], geometry))
        elif case["form"] == "int32":
            hidden = case.get("hidden_layers", 0)
            builder.add_tokens(engines.decode_sglang_int32(case["text"], geometry, hidden))
        else:
            builder.add_counts(*engines.decode_reference_counts(case["text"], geometry))
        return builder.build()

    expect(case, make)


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"routed_experts": npy(IDS)}], "usage": {"prompt_tokens": 2}},
        {"choices": [{"routed_experts": IDS.tolist()}], "usage": {"prompt_tokens": 2}},
        {"prompt_routed_experts": IDS[:2].tolist(), "choices": [{}], "usage": {"prompt_tokens": 2}},
        {"meta_info": {"routed_experts": int32(IDS), "prompt_tokens": 2}},
        {"choices": [{"sgl_ext": {"routed_experts": int32(IDS)}}], "usage": {"prompt_tokens": 2}},
    ],
)
def test_finds_experts_where_engines_put_them_and_cuts_off_what_was_generated(body: Any) -> None:
    assert engines.signature_of_body(body, GEOMETRY) == expected(2, 2)


def test_takes_all_rows_of_a_body_that_does_not_tell_the_prompt() -> None:
    body = {"choices": [{"routed_experts": npy(IDS)}]}
    assert engines.signature_of_body(body, GEOMETRY) == expected(3)
    body["choices"].append({"routed_experts": npy(IDS[:1])})
    several = {**body, "usage": {"prompt_tokens": 1}}
    assert engines.signature_of_body(several, GEOMETRY) == expected(3)
    assert engines.signature_of_body(several, GEOMETRY, choice=1) == expected(1)


def test_takes_the_counts_of_the_reference() -> None:
    counts = np.zeros((2, 8), "<i2")
    counts[:, :2] = 5
    text = base64.b64encode(counts.tobytes()).decode()
    made = engines.signature_of_body({"kv_transfer_params": {"eldr_sig": text}}, GEOMETRY)
    assert made is not None
    assert (made.tokens, made.prompt_tokens) == (5, 5)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"choices": []},
        {"choices": "x"},
        {"choices": [{"routed_experts": None}]},
        {"meta_info": 3},
        {"kv_transfer_params": None},
    ],
)
def test_finds_nothing_where_nothing_is(body: Any) -> None:
    assert engines.signature_of_body(body, GEOMETRY) is None


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[[0, 1], [2, 3]], [[0, 1]]], "differing lengths"),
        ([[[0.5, 1.0], [2.0, 3.0]]], "lists of float64 in 3 levels"),
        ([1, 2], "in 1 levels"),
        ([], "lists of float64 in 1 levels"),
        ([[[0, -1], [2, 3]]], "is -1, expected 0 to 7"),
    ],
)
def test_refuses_lists_that_are_no_experts(lists: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engines.signature_of_body({"choices": [{"routed_experts": lists}]}, GEOMETRY)
