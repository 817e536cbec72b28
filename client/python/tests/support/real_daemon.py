"""A real eldrd: the one that ELDRD names, else the one of the release build."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

_BUILT = Path(__file__).parents[4] / "build/release/server/eldrd"


def program() -> str | None:
    named = os.environ.get("ELDRD")
    if named:
        return named
    return str(_BUILT) if _BUILT.is_file() else None


class Eldrd:
    """Listens on ports of its own; gone with `stop()`."""

    def __init__(self, folder: Path, more: str = "", grpc_listen: str = "127.0.0.1:0") -> None:
        self._folder = folder
        grpc_listen = grpc_listen.replace("FOLDER", str(folder))
        self._config = folder / "eldrd.yaml"
        self._config.write_text(
            f'grpc: {{listen: ["{grpc_listen}"]}}\nhttp: {{listen: "127.0.0.1:0"}}\n'
            "shutdown_delay: 0\nnode_timeout: 3s\n"
            "models: [{name: m, layers: 2, experts: 8, top_k: 2}]\n" + more
        )
        self.start()

    def start(self) -> None:
        daemon = program()
        assert daemon is not None
        ports = self._folder / "ports"
        ports.unlink(missing_ok=True)
        log = (self._folder / "log").open("ab")
        command = [daemon, "--config", str(self._config), "--port-file", str(ports)]
        self._process = subprocess.Popen(command, stderr=log, stdout=log)
        log.close()
        wait_until(lambda: ports.is_file() and "http=" in ports.read_text(), 30, self.log)
        listening = dict(line.split("=", 1) for line in ports.read_text().splitlines())
        self.target, self.http = listening["grpc"], listening["http"]

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def wait_until(condition: object, seconds: float = 10, told: object = None) -> None:
    """Polls; fails with what `told()` returns."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told() if callable(told) else "it did not come about"
        time.sleep(0.01)
