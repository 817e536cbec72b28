from __future__ import annotations

import grpc
import pytest

import eldr
from eldr._retry import Attempts
from support.clock import FakeClock

AWAY = eldr.EldrError(grpc.StatusCode.UNAVAILABLE, "away")


def attempts(
    clock: FakeClock,
    chance: float = 1.0,
    timeout: float = 60.0,
    repeatable: bool = True,
    **options: float,
) -> Attempts:
    environment = eldr.Environment(now=clock, chance=lambda: chance)
    return Attempts(eldr.RetryOptions(**options), repeatable, timeout, environment)  # type: ignore[arg-type]


def test_pauses_grow_up_to_their_bound_and_attempts_end() -> None:
    clock = FakeClock()
    plan = attempts(clock, max_attempts=5, initial_backoff=0.1, multiplier=3.0, max_backoff=0.5)
    assert [plan.pause_after(AWAY) for _ in range(4)] == pytest.approx([0.1, 0.3, 0.5, 0.5])
    with pytest.raises(eldr.EldrError, match="away"):
        plan.pause_after(AWAY)


def test_keeps_half_of_the_bound_at_least() -> None:
    assert attempts(FakeClock(), chance=0.0, initial_backoff=0.2).pause_after(AWAY) == 0.1


def test_bounds_the_first_pause_by_the_last() -> None:
    plan = attempts(FakeClock(), initial_backoff=5.0, max_backoff=0.2)
    assert plan.pause_after(AWAY) == 0.2


def test_gives_up_where_the_pause_would_end_after_the_deadline() -> None:
    clock = FakeClock()
    plan = attempts(clock, timeout=1.0, initial_backoff=0.4, max_backoff=10.0)
    clock.advance(0.7)
    assert plan.remaining == pytest.approx(0.3)
    with pytest.raises(eldr.EldrError, match="away"):
        plan.pause_after(AWAY)


def test_gives_up_when_the_pause_took_all_the_time() -> None:
    clock = FakeClock()
    plan = attempts(clock, timeout=1.0)
    plan.pause_after(AWAY)
    plan.check_time(AWAY)
    clock.advance(1.0)
    with pytest.raises(eldr.EldrError, match="away"):
        plan.check_time(AWAY)


def test_repeats_nothing_that_is_not_safe_or_not_unavailable() -> None:
    with pytest.raises(eldr.EldrError, match="away"):
        attempts(FakeClock(), repeatable=False).pause_after(AWAY)
    late = eldr.EldrError(grpc.StatusCode.DEADLINE_EXCEEDED, "late")
    with pytest.raises(eldr.EldrError, match="late"):
        attempts(FakeClock()).pause_after(late)
