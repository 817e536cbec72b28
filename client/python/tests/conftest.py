from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.fake_daemon import FakeDaemon
from support.real_daemon import Eldrd, program


@pytest.fixture
def daemon() -> Iterator[FakeDaemon]:
    with FakeDaemon() as fake:
        yield fake


@pytest.fixture
def start_eldrd(tmp_path: Path) -> Iterator[Callable[..., Eldrd]]:
    """Starts real daemons; skips where there is none."""
    if program() is None:
        pytest.skip("no eldrd: ELDRD is not set and build/release/server/eldrd is not there")
    started: list[Eldrd] = []

    def start(more: str = "", **settings: str) -> Eldrd:
        folder = tmp_path / f"eldrd{len(started)}"
        folder.mkdir()
        started.append(Eldrd(folder, more, **settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()
