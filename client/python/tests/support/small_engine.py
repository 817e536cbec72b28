"""An engine in small: a scheduler with blocks, prefix cache, chunks and preemption, and a forward.

It calls a connector in vLLM's order. What a token activates is a function of the tokens up to it,
so that the truth of a prompt is known without the engine.
"""

from __future__ import annotations

import hashlib
import random
import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eldr import v1
from support import fake_vllm


def routed(tokens: list[int], layers: int, experts: int, top_k: int) -> Any:
    """The experts [layers, top_k] of the last of `tokens`."""
    chance = random.Random(hash(tuple(tokens)))
    return [chance.sample(range(experts), top_k) for _ in range(layers)]


def truth(tokens: list[int], layers: int, experts: int, top_k: int, begin: int = 0) -> Any:
    counts = np.zeros((layers, experts), dtype=np.int64)
    for end in range(begin + 1, len(tokens) + 1):
        for layer, chosen in enumerate(routed(tokens[:end], layers, experts, top_k)):
            counts[layer, chosen] += 1
    return counts


def counts_of(signature: v1.ExpertSignature, layers: int, experts: int) -> Any:
    """The counts of a signature as it was sent."""
    if signature.HasField("dense"):
        width = {1: "<u1", 2: "<u2", 3: "<u4"}[signature.dense.encoding]
        flat = np.frombuffer(signature.dense.data, width)
    else:
        flat = np.zeros(layers * experts, dtype=np.int64)
        flat[list(signature.sparse.indices)] = list(signature.sparse.counts)
    return flat.reshape(layers, experts)


@dataclass
class Request:
    request_id: str
    tokens: list[int]
    prompt: int
    output: int
    kv_transfer_params: Any = None
    # Tokens whose KV another engine computed.
    remote: int = 0
    computed: int = 0
    blocks: list[int] = field(default_factory=list)
    state: str = "waiting"

    block_size: int = 0

    @property
    def num_prompt_tokens(self) -> int:
        return self.prompt

    @property
    def num_tokens(self) -> int:
        return len(self.tokens)

    @property
    def num_output_tokens(self) -> int:
        return len(self.tokens) - self.prompt

    @property
    def block_hashes(self) -> list[bytes]:
        """As the engine's: of a block and all before it, and grows with the tokens."""
        ends = range(self.block_size, len(self.tokens) + 1, self.block_size)
        return [hashlib.sha256(bytes(self.tokens[:end])).digest() for end in ends]


class SmallEngine:
    def __init__(
        self,
        scheduler: Any,
        worker: Any,
        runners: list[Any],
        *,
        blocks: int,
        block_size: int,
        budget: int,
        experts: int,
        top_k: int,
        chance: random.Random,
    ) -> None:
        self.scheduler, self.worker = scheduler, worker
        self.runners = runners
        self.experts, self.top_k = experts, top_k
        self.block_size, self.budget = block_size, budget
        self.chance = chance
        self.free = list(range(1, blocks))  # block 0 is the null block
        self.users = [0] * blocks
        self.cached: dict[tuple[int, ...], int] = {}  # all tokens up to a block's end -> block
        self.name: dict[int, tuple[int, ...]] = {}
        self.waiting: list[Request] = []
        self.running: list[Request] = []
        self.preemptions = 0
        self.attention_layer = "model.layers.0.attn"
        self.known: set[str] = set()  # sent to the worker before
        # Distinct experts of each step that only decoded, in order.
        self.distinct: list[int] = []

    def add(self, request: Request) -> None:
        request.block_size = self.block_size
        self.scheduler.on_new_request(request)
        self.waiting.append(request)

    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    def step(self, preempt: float = 0.0) -> None:
        scheduled: dict[str, int] = {}
        new, cached = [], []
        resumed: set[str] = set()
        budget = self.budget
        if self.running and self.chance.random() < preempt:
            self._preempt(self.chance.choice(self.running))
        for request in list(self.running):
            if request not in self.running:
                continue  # preempted for another one
            tokens = min(budget, len(request.tokens) - request.computed)
            if tokens <= 0:
                continue
            before = len(request.blocks)
            if not self._allocate(request, request.computed + tokens):
                self._preempt(request)
                continue
            cached.append((request, request.blocks[before:]))
            scheduled[request.request_id] = tokens
            budget -= tokens
        while self.waiting and budget > 0:
            request = self.waiting[0]
            hits = self._prefix_hits(request)
            found, _ = self.scheduler.get_num_new_matched_tokens(request, hits)
            assert found == 0
            external = max(0, min(request.remote, len(request.tokens) - 1) - hits)
            request.computed = hits + external
            tokens = min(budget, len(request.tokens) - request.computed)
            if not self._allocate(request, request.computed + tokens, preempting=False):
                self._free(request)
                request.computed = 0
                break
            self.scheduler.update_state_after_alloc(request, None, 0)
            self.waiting.pop(0)
            self.running.append(request)
            scheduled[request.request_id] = tokens
            budget -= tokens
            if request.state == "preempted":
                resumed.add(request.request_id)
                cached.append((request, list(request.blocks)))
            else:
                new.append(request)
            request.state = "running"
        cached = [(r, b) for r, b in cached if r in self.running]
        scheduled = {
            r.request_id: scheduled[r.request_id] for r in self.running if r.request_id in scheduled
        }
        output = self._output(new, cached, resumed, scheduled)
        metadata = self.scheduler.build_connector_meta(output)
        self._forward(metadata, scheduled)
        told = types.SimpleNamespace(
            kv_connector_worker_meta=self.worker.build_connector_worker_meta()
        )
        self.worker.clear_connector_metadata()
        self.scheduler.update_connector_output(told)
        self._update(scheduled)

    def _output(self, new: Any, cached: Any, resumed: set[str], scheduled: Any) -> Any:
        space = types.SimpleNamespace
        return space(
            scheduled_new_reqs=[
                space(
                    req_id=r.request_id,
                    prompt_token_ids=r.tokens[: r.prompt],
                    block_ids=(list(r.blocks),),
                    num_computed_tokens=r.computed,
                )
                for r in new
            ],
            scheduled_cached_reqs=space(
                req_ids=[r.request_id for r, _ in cached],
                resumed_req_ids=resumed,
                new_block_ids=[(blocks,) if blocks else None for _, blocks in cached],
                num_computed_tokens=[r.computed for r, _ in cached],
            ),
            num_scheduled_tokens=scheduled,
        )

    def _forward(self, metadata: Any, scheduled: dict[str, int]) -> None:
        """In an order of its own, and padded, as real runners do."""
        self.worker.bind_connector_metadata(metadata)
        order = [r for r in self.running if r.request_id in scheduled]
        self.chance.shuffle(order)
        slots, chosen = [], []
        for request in order:
            begin = request.computed
            for place in range(begin, begin + scheduled[request.request_id]):
                block = request.blocks[place // self.block_size]
                slots.append(block * self.block_size + place % self.block_size)
                ids = routed(
                    request.tokens[: place + 1], len(self.runners), self.experts, self.top_k
                )
                chosen.append(ids)
        rows = len(chosen)  # more than requests, where one runs again after preemption
        padding = self.chance.randrange(3)
        slots += [-1] * padding
        chosen += [[[0] * self.top_k] * len(self.runners)] * (padding + self.chance.randrange(2))
        if slots:
            mapping = {self.attention_layer: fake_vllm.as_tensor(slots, np.int64)}
            ids = np.asarray(chosen)
            with fake_vllm.forward_context(fake_vllm.ForwardContext(mapping)):
                for layer, runner in enumerate(self.runners):
                    if runner.router.capture_fn is not None:
                        runner.router.capture_fn(fake_vllm.as_tensor(ids[:, layer]))
        self.worker.wait_for_save()
        if order and all(self._decodes(r, scheduled[r.request_id]) for r in order):
            used = [
                (layer, expert)
                for chosen_by_layers in chosen[:rows]
                for layer, experts in enumerate(chosen_by_layers)
                for expert in experts
            ]
            self.distinct.append(len(set(used)))

    @staticmethod
    def _decodes(request: Request, scheduled: int) -> bool:
        last = request.computed >= request.prompt - 1
        return request.computed >= request.prompt or (last and scheduled == 1)

    def _update(self, scheduled: dict[str, int]) -> None:
        for request in list(self.running):
            if request.request_id not in scheduled:
                continue
            request.computed += scheduled[request.request_id]
            self._cache(request)
            if request.computed < len(request.tokens):
                continue
            request.tokens.append(self.chance.randrange(50))
            if len(request.tokens) - request.prompt > request.output:
                self.running.remove(request)
                self.scheduler.request_finished_all_groups(request, (list(request.blocks),))
                self._free(request)

    def _allocate(self, request: Request, tokens: int, preempting: bool = True) -> bool:
        needed = -(-tokens // self.block_size) - len(request.blocks)
        while len(self.free) < needed:
            victims = [r for r in self.running if r is not request]
            if not victims or not preempting:
                return False
            self._preempt(victims[-1])
        for _ in range(needed):
            block = self.free.pop(0)
            self._forget(block)
            self.users[block] = 1
            request.blocks.append(block)
        return True

    def _preempt(self, request: Request) -> None:
        self.preemptions += 1
        self.running.remove(request)
        self._free(request)
        request.computed, request.state = 0, "preempted"
        request.remote = 0  # it is computed here now
        self.waiting.insert(0, request)

    def _free(self, request: Request) -> None:
        for block in reversed(request.blocks):
            self.users[block] -= 1
            if self.users[block] == 0:
                self.free.append(block)
        request.blocks = []

    def _prefix_hits(self, request: Request) -> int:
        """Takes the cached blocks of its tokens, but never all of them."""
        request.blocks = []
        for end in range(self.block_size, len(request.tokens), self.block_size):
            block = self.cached.get(tuple(request.tokens[:end]))
            if block is None:
                break
            if self.users[block] == 0:
                self.free.remove(block)
            self.users[block] += 1
            request.blocks.append(block)
        return len(request.blocks) * self.block_size

    def _cache(self, request: Request) -> None:
        for number in range(request.computed // self.block_size):
            prefix = tuple(request.tokens[: (number + 1) * self.block_size])
            block = request.blocks[number]
            if prefix not in self.cached and block not in self.name:
                self.cached[prefix], self.name[block] = block, prefix

    def _forget(self, block: int) -> None:
        prefix = self.name.pop(block, None)
        if prefix is not None:
            self.cached.pop(prefix, None)
