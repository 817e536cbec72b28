from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eldr.vllm._hashes import BlockHashes, check_algorithm
from eldr.vllm._slots import SlotTable, slots_of
from support import fake_torch
from support.fake_vllm import as_tensor
from support.vllm_steps import Steps

# The table.


def counted(table: SlotTable, *slots: int) -> tuple[Any, int]:
    """The counts of these slots as one run, and of how many tokens."""
    counts, tokens = table.count(np.array(slots)).wait()
    assert counts.shape[0] == tokens.shape[0] == 1
    return counts[0], int(tokens[0])


def test_counts_what_was_written_last_for_each_slot() -> None:
    table = SlotTable(fake_torch, slots=8, layers=2, experts=4, top_k=2, device=fake_torch.Device())
    for layer, ids in ((0, [[0, 1], [2, 3], [3, 3]]), (1, [[0, 2], [1, 3], [0, 0]])):
        table.write(layer, as_tensor([5, 2, -5], np.int64), as_tensor(ids))
    counts, tokens = counted(table, 5, 2)
    assert tokens == 2
    assert counts.reshape(2, 4).tolist() == [[1, 1, 1, 1], [1, 1, 1, 1]]
    assert counted(table, 5, 6, 4)[1] == 1  # nobody wrote 6, or 4 by -5
    table.forget(np.array([5]))
    counts, tokens = counted(table, 5, 2)
    assert (tokens, int(counts.sum())) == (1, 4)


def test_finds_the_slots_of_each_forward_and_micro_batch_anew() -> None:
    table = SlotTable(fake_torch, slots=8, layers=2, experts=4, top_k=1, device=fake_torch.Device())
    buffer, other = as_tensor([5, 2, -1], np.int64), as_tensor([6, 7, -1], np.int64)
    for layer in (0, 1):  # two micro-batches take turns
        table.write(layer, buffer, as_tensor([[0], [1]]))
        table.write(layer, other, as_tensor([[2], [3]]))
    buffer.array[:] = [1, 3, 4]  # the next forward's slots in the same buffer
    for layer in (0, 1):
        table.write(layer, buffer, as_tensor([[3], [3], [3]]))
    assert [counted(table, slot)[1] for slot in range(8)] == [0, 1, 1, 1, 1, 1, 1, 1]
    assert counted(table, 1, 3, 4)[0].tolist() == [0, 0, 0, 3] * 2
    assert counted(table, 5, 2)[0].tolist() == [1, 1, 0, 0] * 2


def test_a_token_that_a_layer_missed_is_not_known() -> None:
    table = SlotTable(fake_torch, slots=4, layers=2, experts=4, top_k=1, device=fake_torch.Device())
    table.write(0, as_tensor([1]), as_tensor([[3]]))
    assert counted(table, 1)[1] == 0


@pytest.mark.parametrize("experts", [8, 254, 255, 256, 4096])
def test_the_mark_of_what_is_not_known_is_no_expert(experts: int) -> None:
    for kind in ("cpu", "cuda"):
        device = fake_torch.Device(kind)
        table = SlotTable(fake_torch, slots=2, layers=1, experts=experts, top_k=1, device=device)
        table.write(0, as_tensor([0]), as_tensor([[experts - 1]]))
        counts, tokens = counted(table, 0, 1)
        assert tokens == 1
        assert counts.size == experts
        assert counts[-1] == 1
        assert counts.sum() == 1


def test_takes_rows_and_slots_that_are_padded_and_shared_experts_behind() -> None:
    table = SlotTable(fake_torch, slots=4, layers=1, experts=4, top_k=2, device=fake_torch.Device())
    ids = as_tensor([[0, 1, 9], [2, 3, 9], [7, 7, 9]])
    table.write(0, as_tensor([3, 1]), ids)
    table.write(0, as_tensor([0, 2, -1, -1]), as_tensor([[1, 2], [1, 3]]))
    counts, tokens = counted(table, 0, 1, 2, 3)
    assert tokens == 4
    assert counts.tolist() == [1, 3, 2, 2]


def test_slots_follow_blocks() -> None:
    assert slots_of((7, 2), 4, 0, 6).tolist() == [28, 29, 30, 31, 8, 9]
    assert slots_of((7, 2), 4, 3, 5).tolist() == [31, 8]
    assert slots_of((), 4, 0, 0).tolist() == []


def test_counts_runs_of_tokens_apart() -> None:
    for kind in ("cpu", "cuda"):
        device = fake_torch.Device(kind)
        table = SlotTable(fake_torch, slots=8, layers=1, experts=3, top_k=1, device=device)
        table.write(0, as_tensor([6, 1, 4, 2]), as_tensor([[0], [1], [2], [2]]))
        counts, tokens = table.count(np.array([6, 1, 4, 7, 2]), run=2).wait()
        assert tokens.tolist() == [2, 1, 1]  # nobody wrote 7
        assert counts.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_counts_what_a_step_activates_once() -> None:
    table = SlotTable(fake_torch, slots=8, layers=2, experts=4, top_k=2, device=fake_torch.Device())
    table.write(0, as_tensor([5, 2]), as_tensor([[0, 1], [1, 3]]))
    table.write(1, as_tensor([5, 2]), as_tensor([[0, 2], [2, 0]]))
    assert table.distinct(np.array([5, 2])).number() == 3 + 2
    assert table.distinct(np.array([2])).number() == 4
    assert table.distinct(np.array([5, 3])).number() is None  # nobody wrote 3


# Capture of decode, and the names of blocks.


def test_names_the_slots_of_steps_that_only_decode() -> None:
    at = Steps(capture_decode=True)
    at.announce("a", 6)
    assert at.step(new=[("a", [3, 5], 0)], a=6).decoding == []
    assert at.step(cached=[("a", [], 6)], a=1).decoding == [5 * 4 + 2]
    at.announce("b", 4)  # its KV came from elsewhere, but for the last token
    step = at.step(new=[("b", [9], 3)], cached=[("a", [], 7)], a=1, b=1)
    assert sorted(step.decoding) == [5 * 4 + 3, 9 * 4 + 3]
    at.announce("c", 4)
    assert at.step(new=[("c", [8], 0)], cached=[("a", [7], 8)], a=1, c=4).decoding == []
    assert Steps().step().decoding == []


def test_hands_over_what_a_request_decoded_once_it_is_over() -> None:
    at = Steps(capture_decode=True)
    at.announce("a", 6, {"eldr_request_id": "told", "eldr_lease_id": 17})
    at.step(new=[("a", [3, 5], 0)], a=6)
    for computed in (6, 7, 8):
        at.step(cached=[("a", [7] if computed == 8 else [], computed)], a=1)
    # Two tokens were made by the three steps that counted; the last step ran for nothing.
    at.finish("a", tokens=9, made=3, blocks=[3, 5, 7])
    (decoded,) = at.step().decoded
    assert (decoded.request_id, decoded.lease_id, decoded.output_tokens) == ("told", 17, 3)
    assert (decoded.begin, decoded.end, decoded.blocks) == (6, 8, (3, 5))
    assert at.step().decoded == []


@pytest.mark.parametrize(
    ("told", "blocks"), [({"eldr_request_id": "r"}, [1]), (None, [1]), ({"eldr_lease_id": -1}, [1])]
)
def test_releases_no_lease_that_it_was_not_told(told: Any, blocks: Any) -> None:
    at = Steps(capture_decode=True)
    at.announce("a", 3, told)
    at.step(new=[("a", [1], 0)], a=3)
    at.finish("a", tokens=4, made=1, blocks=blocks)
    assert at.step().decoded == []


def test_a_preempted_request_that_is_aborted_has_no_slots_any_more() -> None:
    at = Steps(capture_decode=True)
    at.announce("a", 3, {"eldr_lease_id": 5})
    at.step(new=[("a", [1], 0)], a=3)
    at.step(cached=[("a", [2], 3)], a=1)
    at.finish("a", tokens=5, made=2, blocks=[])  # its blocks are others' by now
    (decoded,) = at.step().decoded
    assert (decoded.begin, decoded.end, decoded.blocks) == (0, 0, ())


def test_finished_requests_name_their_leases() -> None:
    at = Steps()
    at.announce("chatcmpl-a-00000000", 3, {"eldr_lease_id": 7})
    at.announce("chatcmpl-b-00000000", 3)
    at.finish("chatcmpl-a-00000000")
    at.finish("chatcmpl-b-00000000")
    finished = at.schedule.load(None).finished
    assert [(one.request_id, one.lease_id) for one in finished] == [("a", 7), ("b", 0)]


def test_experts_of_a_step_join_its_time_whichever_comes_first() -> None:
    at = Steps(capture_decode=True)
    at.announce("a", 4)
    numbers = []
    at.step(new=[("a", [1, 2, 3, 4, 5, 6, 7, 8, 9], 0)], a=4)
    for computed in range(4, 30):
        at.clock.advance(0.01)
        numbers.append(at.step(cached=[("a", [], computed)], a=1).number)
        if computed == 5:  # of this step, before its time is known
            at.schedule.experts({numbers[-1]: 10})
        if computed == 9:  # of two that are over
            at.schedule.experts({numbers[0]: 20, numbers[2]: None})
    # Of 25 steps that are over the time is known, and all but the newest 16 are not waited for.
    (stat,) = at.schedule.load(None).steps
    assert stat.steps == 3 + (25 - 3 - 16)
    assert stat.mean_distinct_experts == 15


def test_hashes_name_runs_by_their_last_block() -> None:
    hashes = [bytes([n]) * 32 for n in range(5)]
    request = SimpleNamespace(block_hashes=hashes, num_tokens=23, num_prompt_tokens=23)
    assert BlockHashes(4, 8).of_prompt(request) == (hashes[1], hashes[3])
    assert BlockHashes(4, 4).of_prompt(request) == tuple(hashes)
    assert BlockHashes(4, 32).of_prompt(request) == ()
    # Prefix caching is off, or blocks are hashed in other sizes.
    assert BlockHashes(8, 8).of_prompt(request) == ()
    request.block_hashes = []
    assert BlockHashes(4, 8).of_prompt(request) == ()
    with pytest.raises(ValueError, match="block_tokens is 10, expected a multiple of the engine's"):
        BlockHashes(4, 10)


def test_refuses_hashes_that_mean_something_else_in_each_engine() -> None:
    check_algorithm("sha256", {})
    check_algorithm("xxhash", {"PYTHONHASHSEED": "7"})
    with pytest.raises(ValueError, match="PYTHONHASHSEED set alike"):
        check_algorithm("xxhash_cbor", {})
