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


def sglang(ids: Any, **meta: Any) -> dict[str, Any]:
    return {"meta_info": {"routed_experts": int32(ids), **meta}}


@pytest.mark.parametrize("pad", [-1, 8])
def test_rows_of_decode_may_hold_anything(pad: int) -> None:
    """Engines pad rows that they did not capture."""
    padded = np.concatenate([IDS[:2], np.full((1, 2, 2), pad)])
    usage = {"prompt_tokens": 2, "completion_tokens": 2}
    for body in (
        sglang(padded, **usage),
        {"choices": [{"routed_experts": npy(padded, "<i2")}], "usage": usage},
        {"choices": [{"routed_experts": padded.tolist()}], "usage": usage},
        {
            "prompt_routed_experts": IDS[:2].tolist(),
            "choices": [{"routed_experts": padded[2:].tolist()}],
        },
    ):
        assert engines.signature_of_body(body, GEOMETRY) == expected(2, 2)
    with pytest.raises(ValueError, match=rf"SGLang int32: .*is {pad}, expected 0 to 7"):
        engines.signature_of_body(sglang(padded, prompt_tokens=3), GEOMETRY)


def test_the_completion_tells_where_the_prompt_ends() -> None:
    for completion, rows in ((2, 2), (1, 3), (0, 3)):
        body = sglang(IDS, completion_tokens=completion)
        assert engines.signature_of_body(body, GEOMETRY) == expected(rows, rows)
    with pytest.raises(ValueError) as refused:
        engines.signature_of_body(sglang(IDS, completion_tokens=4), GEOMETRY)
    assert str(refused.value) == (
        "SGLang int32: 3 rows, expected more than the 3 of decode by completion_tokens 4 - 1"
    )


def test_missing_rows_are_not_taken_for_those_of_the_prompt() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 1}
    body = {"choices": [{"routed_experts": npy(IDS)}], "usage": usage}
    assert engines.signature_of_body(body, GEOMETRY) == expected(3, 9)
    usage["completion_tokens"] = 3
    with pytest.raises(ValueError) as refused:
        engines.signature_of_body(body, GEOMETRY)
    assert str(refused.value) == (
        "vLLM .npy: 3 rows, expected 11 by prompt_tokens 9 + completion_tokens 3 - 1: some are "
        "missing, and these may be of decode; tell how many were left out at the front (start_len)"
    )
    assert engines.signature_of_body(body, GEOMETRY, start_len=8) == expected(1, 9)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (
            {"prompt_tokens": 5, "completion_tokens": 2},
            "SGLang int32: 48 bytes of raw int32 are rows of 3 tokens with 2 hidden layers and "
            "top_k 2, expected 6 by prompt_tokens 5 + completion_tokens 2 - 1: the body has 1 rows "
            "per token; tell which of its hidden layers are MoE layers (moe_hidden_layers), or how "
            "many there are (hidden_layers); tell how many were left out at the front, if any "
            "(start_len)",
        ),
        (
            {"prompt_tokens": 1, "completion_tokens": 1},
            "SGLang int32: 48 bytes of raw int32 are rows of 3 tokens with 2 hidden layers and "
            "top_k 2, expected 1 by prompt_tokens 1 + completion_tokens 1 - 1: the body has 6 rows "
            "per token; tell which of its hidden layers are MoE layers (moe_hidden_layers), or how "
            "many there are (hidden_layers)",
        ),
        ({"prompt_tokens": 4}, "expected at least 4 by prompt_tokens 4; tell how many were left"),
        ({"prompt_tokens": 6, "completion_tokens": 0}, "expected 5 to 6 by prompt_tokens 6 + "),
    ],
)
def test_a_form_without_a_shape_must_have_the_rows_that_the_body_tells(
    meta: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError) as refused:
        engines.signature_of_body(sglang(IDS, **meta), GEOMETRY)
    assert message in str(refused.value)


def test_tells_another_number_of_rows_per_token_where_the_size_does_not_divide() -> None:
    three = v1.ModelGeometry(layers=4, experts=8, top_k=2)  # 48 bytes are 1.5 tokens of it
    with pytest.raises(ValueError, match=r"x 4 bytes: the body has 2 rows per token; tell which"):
        engines.signature_of_body(sglang(IDS, prompt_tokens=2, completion_tokens=2), three)


def test_takes_bodies_whose_rows_fit_what_they_tell() -> None:
    for meta, rows in (
        ({"prompt_tokens": 2}, 2),
        ({"prompt_tokens": 3, "completion_tokens": 0}, 3),
        ({"prompt_tokens": 4, "completion_tokens": 0}, 3),
        ({"prompt_tokens": 3, "completion_tokens": 1}, 3),
    ):
        made = engines.signature_of_body(sglang(IDS, **meta), GEOMETRY)
        assert made == expected(rows, meta["prompt_tokens"])
    cut = sglang(IDS, prompt_tokens=7, completion_tokens=2)
    assert engines.signature_of_body(cut, GEOMETRY, start_len=5) == expected(2, 7)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"prompt_tokens": "3"}, "prompt_tokens is '3', expected a whole number"),
        ({"prompt_tokens": 0}, "prompt_tokens is 0, expected 1 to 16777216"),
        ({"completion_tokens": True}, "completion_tokens is 'True', expected a whole number"),
        ({"completion_tokens": -1}, "completion_tokens is -1, expected 0 to 16777216"),
    ],
)
def test_refuses_counts_that_make_no_sense(meta: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        engines.signature_of_body(sglang(IDS, **meta), GEOMETRY)
    assert message in str(refused.value)


def test_refuses_a_start_that_leaves_no_prompt_and_two_forms_at_once() -> None:
    body = sglang(IDS, prompt_tokens=3)
    with pytest.raises(ValueError, match="start_len is 3, expected less than prompt_tokens, 3"):
        engines.signature_of_body(body, GEOMETRY, start_len=3)
    with pytest.raises(ValueError, match="start_len is -1, expected at least 0"):
        engines.signature_of_body(body, GEOMETRY, start_len=-1)
    both = {"prompt_routed_experts": IDS.tolist(), "choices": [{"routed_experts": npy(IDS)}]}
    with pytest.raises(ValueError, match=r"prompt_routed_experts beside vLLM \.npy"):
        engines.signature_of_body(both, GEOMETRY)
