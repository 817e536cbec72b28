"""The stand's processes: engines, routers and proxies, each with its log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

BLOCK_TOKENS = 32
KV_BYTES_PER_TOKEN = 4 * 2 * 2 * 32 * 4  # layers x (K, V) x heads x width x float32


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """In a session of its own, so that its children end with it, and it with this one."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    _running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._running = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "TERM", *self.command),
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def alive(self) -> bool:
        return self._running is not None and self._running.returncode is None

    async def kill(self) -> None:
        """With all its children, at once."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self._running.wait()

    async def stop(self, patience: float = 20) -> None:
        if self._running is None:
            return
        if self.alive():
            self._running.terminate()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._running.wait(), patience)
        await self.kill()

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def logged(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.log.read_text(errors="replace"))


class StandError(Exception):
    """The stand itself does not come up."""


@dataclass
class Engine(Process):
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processor_seconds(self) -> float:
        """What all its processes have computed so far."""
        nanoseconds = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, IndexError):
                session = int(stat.read_text().rpartition(")")[2].split()[3])
                if session == self.pid:
                    for task in (stat.parent / "task").iterdir():
                        nanoseconds += int((task / "schedstat").read_text().split()[0])
        return nanoseconds / 1e9

    async def metric(self, session: aiohttp.ClientSession, name: str) -> float:
        """The sum over its labels."""
        async with session.get(f"{self.url}/metrics") as page:
            text = await page.text()
        found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in found)


@dataclass(frozen=True)
class Kind:
    """How an engine of the stand is started."""

    # producer, consumer, or "" for one without any connector.
    role: str
    # None: wherever there is room.
    core: int | None
    kv_tokens: int = 32_768
    # A transfer connector of vLLM's beside ours: ExampleConnector, NixlConnector, or "" for none.
    beside: str = ""
    # Tokens in a step. ExampleConnector stores a prompt in its first step, so none may be chunked.
    budget: int = 4_096
    extra: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def make_engine(name: str, kind: Kind, folder: Path, router: str) -> Engine:
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "vllm"),
        *("serve", str(folder / "model"), "--served-model-name", "tiny"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--dtype", "float32", "--enforce-eager", "--max-model-len", "2048"),
        *("--max-num-seqs", "32", "--max-num-batched-tokens", str(kind.budget)),
        *("--block-size", str(BLOCK_TOKENS)),
        *("--kv-cache-memory-bytes", str(kind.kv_tokens * KV_BYTES_PER_TOKEN)),
        *("--disable-hybrid-kv-cache-manager", "--disable-uvicorn-access-log"),
        # Else it aborts its requests at SIGTERM, and is gone before it can say so.
        *("--shutdown-timeout", "30"),
        *kind.flags,
    ]
    if kind.role:
        command += ["--kv-transfer-config", json.dumps(_transfer(kind, folder))]
    environment = {
        # One core for each: idle threads of OpenMP would spin against the other engines.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind" if kind.core is None else str(kind.core),
        "OMP_NUM_THREADS": "1",
        "VLLM_NIXL_SIDE_CHANNEL_HOST": "127.0.0.1",
        "VLLM_NIXL_SIDE_CHANNEL_PORT": str(free_port()),
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "ELDR_TARGET": router,
        "ELDR_ADDRESS": f"127.0.0.1:{port}",
        **kind.environment,
    }
    return Engine(name, command, folder / f"{name}.log", environment, port=port)


def _transfer(kind: Kind, folder: Path) -> dict[str, Any]:
    role = f"kv_{kind.role}"
    ours = {
        "kv_connector": "EldrConnector",
        "kv_connector_module_path": "eldr.vllm",
        "kv_role": role,
        "kv_connector_extra_config": kind.extra,
    }
    if not kind.beside:
        return ours
    beside: dict[str, Any] = {"kv_connector": kind.beside, "kv_role": role}
    if kind.beside == "ExampleConnector":
        beside["kv_role"] = "kv_both"
        beside["kv_connector_extra_config"] = {"shared_storage_path": str(folder / "kv")}
    else:
        beside["kv_buffer_device"] = "cpu"
        # Threads that spin for transfers, 4 by default: more than a machine of two cores has.
        beside["kv_connector_extra_config"] = {"num_threads": 0}
    config: dict[str, Any] = {
        "kv_connector": "MultiConnector",
        "kv_role": role,
        "kv_connector_extra_config": {"connectors": [beside, ours]},
    }
    if kind.beside != "ExampleConnector":
        config["kv_buffer_device"] = "cpu"
    return config


async def until_healthy(
    session: aiohttp.ClientSession, engines: list[Engine], seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    for engine in engines:
        while True:
            if not engine.alive():
                raise StandError(f"{engine.name} ended, its log:\n{engine.tail()}")
            try:
                async with session.get(f"{engine.url}/health") as reply:
                    if reply.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            if time.monotonic() > deadline:
                raise StandError(f"{engine.name} is not up in {seconds} s:\n{engine.tail()}")
            await asyncio.sleep(0.5)
