"""When a failed call is made again: the rules, without waiting or calling."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from eldr.errors import EldrError
from eldr.options import RetryOptions


@dataclass(frozen=True)
class Environment:
    """The seam for tests: time, and chance between 0 and 1."""

    now: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = field(default=random.random)


class Attempts:
    """The attempts of one call. `remaining` is what the next one may take."""

    def __init__(
        self, options: RetryOptions, repeatable: bool, timeout: float, environment: Environment
    ) -> None:
        self._options = options
        self._environment = environment
        self._left = options.max_attempts if repeatable else 1
        self._deadline = environment.now() + timeout
        self._bound = min(options.initial_backoff, options.max_backoff)

    @property
    def remaining(self) -> float:
        return self._deadline - self._environment.now()

    def pause_after(self, error: EldrError) -> float:
        """How long to wait before the next attempt; raises the error if there is none."""
        self._left -= 1
        if error.code is not grpc.StatusCode.UNAVAILABLE or self._left < 1:
            raise error
        # Half of the bound is kept, so that a retry is never immediate.
        pause = self._bound * (0.5 + 0.5 * self._environment.chance())
        self._bound = min(self._bound * self._options.multiplier, self._options.max_backoff)
        if pause >= self.remaining:
            raise error
        return pause

    def check_time(self, error: EldrError) -> None:
        """Raises the error if the pause took longer than asked and no time is left."""
        if self.remaining <= 0:
            raise error
