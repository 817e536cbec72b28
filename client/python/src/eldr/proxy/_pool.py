"""Which engine to try next: the least loaded, those that failed of late last."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

# How long an engine that could not be reached is asked last.
_COOL_DOWN = 2.0


@dataclass
class Engine:
    url: str
    dp_rank: int | None = None
    in_flight: int = 0
    failed_at: float = -1e9
    turn: int = 0


class Pool:
    """Engines by URL and rank. For one event loop."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._engines: dict[tuple[str, int | None], Engine] = {}
        self._turns = itertools.count(1)

    def add(self, url: str, dp_rank: int | None = None) -> Engine:
        return self._engines.setdefault((url, dp_rank), Engine(url, dp_rank))

    def forget(self, engine: Engine) -> None:
        self._engines.pop((engine.url, engine.dp_rank), None)

    def __iter__(self) -> Iterator[Engine]:
        return iter(list(self._engines.values()))

    def least_loaded(self, tried: Collection[Engine] = ()) -> Engine | None:
        """Of those not tried yet; equals take turns."""
        return self._first(tried, by_load=True)

    def next_in_turn(self, tried: Collection[Engine] = ()) -> Engine | None:
        return self._first(tried, by_load=False)

    def failed(self, engine: Engine) -> None:
        engine.failed_at = self._now()

    @contextlib.contextmanager
    def use(self, engine: Engine) -> Iterator[None]:
        engine.in_flight += 1
        try:
            yield
        finally:
            engine.in_flight -= 1

    def _first(self, tried: Collection[Engine], by_load: bool) -> Engine | None:
        left = [engine for engine in self if not any(engine is one for one in tried)]
        if not left:
            return None
        now = self._now()

        def rank(engine: Engine) -> tuple[bool, int, int]:
            cooling = now - engine.failed_at < _COOL_DOWN
            return cooling, engine.in_flight if by_load else 0, engine.turn

        chosen = min(left, key=rank)
        chosen.turn = next(self._turns)
        return chosen
