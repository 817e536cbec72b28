from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eldr
from eldr import v1
from eldr.signature import check_geometry

_FILE = Path(__file__).parents[3] / "tests/data/signatures/vectors.json"
VECTORS: dict[str, list[dict[str, Any]]] = json.loads(_FILE.read_text()) if _FILE.is_file() else {}


def vectors(kind: str) -> pytest.MarkDecorator:
    """The vectors that the C++ client is tested on, too."""
    cases = VECTORS.get(kind, [])
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def geometry_of(case: dict[str, Any]) -> v1.ModelGeometry:
    return v1.ModelGeometry(**case["geometry"])


def expect(case: dict[str, Any], make: Any) -> None:
    if "error" in case:
        with pytest.raises(ValueError) as refused:
            make()
        assert case["error"] in str(refused.value)
    else:
        signature = make()
        assert signature.SerializeToString().hex() == case["wire"]


def test_the_vectors_are_there() -> None:
    assert set(VECTORS) == {"ids", "counts", "blocks", "forms"}
    assert all(VECTORS.values())


@vectors("ids")
@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i4", "<u4", "<i8", ">i4"])
def test_counts_ids_as_the_cpp_client_does(case: dict[str, Any], dtype: str) -> None:
    if min(case["ids"], default=0) < 0:
        dtype = dtype.replace("u", "i")

    def make() -> v1.ExpertSignature:
        builder = eldr.SignatureBuilder(geometry_of(case))
        ids = np.array(case["ids"], dtype=dtype)
        hidden = case.get("hidden_layers", 0)
        try:
            if hidden:
                builder.add_hidden_layer_tokens(ids, hidden)
            else:
                builder.add_tokens(ids)
        except ValueError:
            assert builder.tokens == 0
            assert not builder.counts.any()
            raise
        return builder.build(case.get("prompt_tokens"))

    expect(case, make)


@vectors("counts")
def test_takes_counts_as_the_cpp_client_does(case: dict[str, Any]) -> None:
    def make() -> v1.ExpertSignature:
        builder = eldr.SignatureBuilder(geometry_of(case))
        builder.add_counts(np.array(case["counts"]), case["tokens"])
        return builder.build(case.get("prompt_tokens"))

    expect(case, make)


@vectors("blocks")
def test_cuts_prompts_into_blocks(case: dict[str, Any]) -> None:
    hashes = [bytes.fromhex(block["hash"]) for block in case["blocks"]]
    ids = np.array(case["ids"])
    made = eldr.signature_blocks(geometry_of(case), ids, hashes, case["block_tokens"])
    assert [block.hash for block in made] == hashes
    assert [block.signature.SerializeToString().hex() for block in made] == [
        block["wire"] for block in case["blocks"]
    ]


def test_equals_a_plain_count_of_random_tokens() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = np.random.default_rng(seed)
    for _ in range(50):
        layers, experts = (int(n) for n in chance.integers(1, 9, 2))
        experts += 1
        top_k = int(chance.integers(1, experts + 1))
        tokens = int(chance.integers(1, 20))
        ids = np.array(
            [chance.permutation(experts)[:top_k] for _ in range(tokens * layers)]
        ).reshape(tokens, layers, top_k)
        builder = eldr.SignatureBuilder(
            v1.ModelGeometry(layers=layers, experts=experts, top_k=top_k)
        )
        cut = int(chance.integers(0, tokens + 1))
        builder.add_tokens(ids[:cut])
        builder.add_tokens(ids[cut:])
        assert builder.tokens == tokens, seed
        for layer in range(layers):
            plain = Counter(ids[:, layer, :].ravel().tolist())
            assert builder.counts[layer].tolist() == [plain[e] for e in range(experts)], seed


def test_takes_arrays_that_are_not_contiguous() -> None:
    builder = eldr.SignatureBuilder(v1.ModelGeometry(layers=2, experts=4, top_k=2))
    ids = np.arange(48).reshape(2, 3, 8) % 4
    builder.add_tokens(ids[:, :2, ::4][..., :2] + np.array([0, 1]))
    assert builder.tokens == 2
    assert int(builder.counts.sum()) == 8


def test_clear_forgets_and_counts_are_a_copy() -> None:
    builder = eldr.SignatureBuilder(v1.ModelGeometry(layers=1, experts=4, top_k=1))
    builder.add_tokens(np.array([3]))
    builder.counts[:] = 9
    assert builder.counts.tolist() == [[0, 0, 0, 1]]
    builder.clear()
    assert (builder.tokens, int(builder.counts.sum())) == (0, 0)


@pytest.mark.parametrize("values", [np.array([0.5]), np.array([True]), np.array(["a"])])
def test_refuses_what_is_no_whole_number(values: Any) -> None:
    builder = eldr.SignatureBuilder(v1.ModelGeometry(layers=1, experts=4, top_k=1))
    with pytest.raises(ValueError, match="ids are of type"):
        builder.add_tokens(values)
    with pytest.raises(ValueError, match="counts are of type"):
        eldr.encode_counts(values, 1)


def test_refuses_more_tokens_than_a_signature_holds() -> None:
    builder = eldr.SignatureBuilder(v1.ModelGeometry(layers=1, experts=2, top_k=1))
    builder.add_counts(np.array([16_777_216, 0]), 16_777_216)
    with pytest.raises(ValueError, match="tokens would be 16777217"):
        builder.add_tokens(np.array([0]))


def test_refuses_counts_and_tokens_below_0() -> None:
    builder = eldr.SignatureBuilder(v1.ModelGeometry(layers=1, experts=2, top_k=1))
    with pytest.raises(ValueError, match="expert 1 is -1, expected at least 0"):
        builder.add_counts(np.array([2, -1]), 1)
    with pytest.raises(ValueError, match="tokens is -1"):
        builder.add_counts(np.array([0, 0]), -1)
    with pytest.raises(ValueError, match="expected at most 4294967295"):
        eldr.encode_counts(np.array([2**32]), 1)


def test_names_blocks_as_the_daemon_takes_them() -> None:
    assert eldr.prompt_blocks([b"a", b"b"], 9) == v1.PromptBlocks(
        hashes=[b"a", b"b"], prompt_tokens=9
    )
    for hashes, tokens, message in (
        ([b"a", b"a"], 9, "hash 1, 61, comes twice"),
        ([b""], 9, "hash 0 is of 0 bytes, expected 1 to 64"),
        ([b"x" * 65], 9, "hash 0 is of 65 bytes"),
        ([b"a"], 0, "prompt_tokens is 0, expected 1 to 16777216"),
        (
            [bytes([n // 256, n % 256]) for n in range(4097)],
            9,
            "4097 hashes, expected at most 4096",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            eldr.prompt_blocks(hashes, tokens)


def test_refuses_fewer_ids_than_blocks() -> None:
    geometry = v1.ModelGeometry(layers=1, experts=4, top_k=1)
    with pytest.raises(ValueError, match="there are 7 ids, expected 2 blocks x 4 tokens x 1 x 1"):
        eldr.signature_blocks(geometry, np.zeros(7, int), [b"a", b"b"], 4)
    with pytest.raises(ValueError, match="block_tokens is 0"):
        eldr.signature_blocks(geometry, np.zeros(7, int), [b"a"], 0)


def test_takes_the_largest_geometry() -> None:
    check_geometry(v1.ModelGeometry(layers=64, experts=4096, top_k=4096))
