"""Decode steps: how long each took and, once that is known, how many experts it activated."""

from __future__ import annotations

from dataclasses import dataclass

from eldr import v1
from eldr._reports import StepRecorder

# How many steps wait for the other half of what is told of them.
_WAITING = 16


@dataclass(frozen=True)
class _Timed:
    batch: int
    seconds: float
    context_tokens: int


class DecodeSteps:
    """Not thread-safe. `with_experts`: each step's number of experts will be told, maybe later."""

    def __init__(self, with_experts: bool) -> None:
        self._with_experts = with_experts
        self._recorder = StepRecorder()
        self._timed: dict[int, _Timed] = {}
        self._experts: dict[int, int | None] = {}

    def timed(self, number: int, batch: int, seconds: float, context_tokens: int) -> None:
        step = _Timed(batch, seconds, context_tokens)
        if not self._with_experts:
            self._record(step, None)
            return
        self._timed[number] = step
        self._match(number)
        while len(self._timed) > _WAITING:  # its experts do not come
            self._record(self._timed.pop(next(iter(self._timed))), None)

    def experts(self, number: int, distinct: int | None) -> None:
        """None: they are not known."""
        self._experts[number] = distinct
        self._match(number)
        while len(self._experts) > _WAITING:  # it was not timed, as the last one before idling
            self._experts.pop(next(iter(self._experts)))

    def take(self) -> list[v1.StepStats]:
        """Of the steps since the last call."""
        return self._recorder.take()

    def _match(self, number: int) -> None:
        if number in self._timed and number in self._experts:
            self._record(self._timed.pop(number), self._experts.pop(number))

    def _record(self, step: _Timed, distinct: int | None) -> None:
        self._recorder.add(step.batch, step.seconds, step.context_tokens, distinct)
