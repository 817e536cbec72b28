"""Feeds the scheduler's side of the connector by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from eldr.vllm._schedule import Schedule
from support.clock import FakeClock


def names(load: Any) -> list[str]:
    return [one.request_id for one in load.finished]


class Steps:
    """Feeds a schedule with one request after the other."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.schedule = Schedule(0, 4, self.clock, **options)

    def announce(self, name: str, prompt: int, told: Any = None) -> None:
        self.schedule.new_request(
            SimpleNamespace(request_id=name, num_prompt_tokens=prompt, kv_transfer_params=told)
        )

    def finish(self, name: str, tokens: int = 0, made: int = 0, blocks: Any = ()) -> None:
        self.schedule.finished(
            SimpleNamespace(request_id=name, num_tokens=tokens, num_output_tokens=made), blocks
        )

    def step(self, new: Any = (), cached: Any = (), resumed: Any = (), **scheduled: int) -> Any:
        """`new` and `cached` are (name, blocks, computed)."""
        return self.schedule.step(
            SimpleNamespace(
                scheduled_new_reqs=[
                    SimpleNamespace(
                        req_id=name,
                        prompt_token_ids=[0] * 9,
                        block_ids=(blocks,),
                        num_computed_tokens=computed,
                    )
                    for name, blocks, computed in new
                ],
                scheduled_cached_reqs=SimpleNamespace(
                    req_ids=[name for name, _, _ in cached],
                    resumed_req_ids=set(resumed),
                    new_block_ids=[(blocks,) if blocks else None for _, blocks, _ in cached],
                    num_computed_tokens=[computed for _, _, computed in cached],
                ),
                num_scheduled_tokens=scheduled,
            )
        )
