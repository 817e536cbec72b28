"""The stand's eldrd and its proxies."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model import EXPERTS, LAYERS, TOP_K
from processes import Process, StandError, free_port

import eldr.aio
from eldr import v1
from support.records import records

NODE_TIMEOUT = 3.0
# With a large w it matters what a request costs those that decode already: kinds are kept apart.
_CONFIG = """\
grpc: {{listen: ["127.0.0.1:{port}"]}}
http: {{listen: "127.0.0.1:{http}"}}
shutdown_delay: 0
node_timeout: {timeout}s
state_dir: "{folder}/state"
event_log: {{directory: "{folder}/events"}}
capture: {{directory: "{folder}/captures"}}
models:
  - {{name: tiny, layers: {layers}, experts: {experts}, top_k: {top_k}, policy: {policy}, w: 5}}
"""


class Router(Process):
    """An eldrd on ports that it keeps when it is started again."""

    def __init__(self, program: str, folder: Path, policy: str = "residency") -> None:
        self.folder = folder / "eldrd"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._port, self._http = free_port(), free_port()
        config = self.folder / "eldrd.yaml"
        super().__init__("eldrd", [program, "--config", str(config)], folder / "eldrd.log")
        self._config = config
        self.policy(policy)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self._http}"

    def policy(self, policy: str) -> None:
        """From its next start on."""
        self._config.write_text(
            _CONFIG.format(
                port=self._port,
                http=self._http,
                timeout=int(NODE_TIMEOUT),
                folder=self.folder,
                layers=LAYERS,
                experts=EXPERTS,
                top_k=TOP_K,
                policy=policy,
            )
        )

    async def begin(self) -> None:
        await self.start()
        async with self.client() as client:
            deadline = time.monotonic() + 20
            while True:
                try:
                    await client.check_health("readiness", timeout=1)
                    return
                except eldr.EldrError:
                    if not self.alive() or time.monotonic() > deadline:
                        raise StandError(f"eldrd is not up:\n{self.tail()}") from None
                await asyncio.sleep(0.05)

    def client(self) -> eldr.aio.Client:
        return eldr.aio.Client(eldr.Options(target=self.target))

    async def nodes(self) -> list[v1.Node]:
        async with self.client() as client:
            return list((await client.list_nodes(v1.ListNodesRequest())).nodes)

    async def leases(self) -> int:
        async with self.client() as client:
            return int((await client.describe_model(v1.DescribeModelRequest(name="tiny"))).leases)

    async def until(self, ready: int, leases: int | None = 0, seconds: float = 10) -> float | None:
        """How long until so many nodes are ready and so many leases held; None: not in time."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                up = [n for n in await self.nodes() if n.state == v1.NODE_STATE_READY]
                if len(up) == ready and (leases is None or await self.leases() == leases):
                    return time.monotonic() - began
            except eldr.EldrError:
                pass
            await asyncio.sleep(0.05)
        return None

    async def until_gone(self, seconds: float) -> bool:
        """Whether no node is left that was not removed, as one is that left by itself."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if all(node.state == v1.NODE_STATE_LOST for node in await self.nodes()):
                removed = {
                    event.node_removed
                    for event in self.events()
                    if event.WhichOneof("event") == "node_removed"
                }
                if removed:
                    return True
            await asyncio.sleep(0.1)
        return False

    def events(self) -> Iterator[Any]:
        """What it was told and decided, by its own log."""
        return records(self.folder / "events", "EventRecord")

    def captures(self) -> Iterator[Any]:
        return records(self.folder / "captures", "CaptureRecord")

    async def limit_nodes(self, capacity: int) -> None:
        """To so many leases each; until they register anew."""
        async with self.client() as client:
            for node in (await client.list_nodes(v1.ListNodesRequest())).nodes:
                node.spec.capacity = capacity
                await client.register_node(v1.RegisterNodeRequest(node=node.spec))

    async def heard(self, nodes: int) -> None:
        """Until its log has a heartbeat of each that came after now, and so all before it."""
        since, deadline = time.time(), time.monotonic() + 15
        while True:
            came = {
                event.heartbeat.node_id
                for event in self.events()
                if event.WhichOneof("event") == "heartbeat"
                and event.time.ToMilliseconds() > since * 1e3
            }
            if len(came) >= nodes:
                return
            if time.monotonic() > deadline:
                raise StandError(f"of {nodes} nodes only {sorted(came)} send heartbeats")
            await asyncio.sleep(0.2)


class Proxy(Process):
    def __init__(self, number: int, router: Router, prefill: list[str], folder: Path) -> None:
        command = [sys.executable, "-m", "eldr.proxy", "--listen", f"127.0.0.1:{free_port()}"]
        # On two cores with spinning engines a thread that pushes may have to wait for its turn.
        command += ["--router", router.target, "--signature-wait-ms", "50"]
        for url in prefill:
            command += ["--prefill", url]
        super().__init__(f"proxy-{number}", command, folder / f"proxy-{number}.log")
        self.url = f"http://{command[4]}"

    async def begin(self) -> None:
        before = len(self.logged("listening on")) if self.log.exists() else 0
        await self.start()
        deadline = time.monotonic() + 20
        while len(self.logged(re.escape("listening on"))) <= before:
            if not self.alive() or time.monotonic() > deadline:
                raise StandError(f"{self.name} is not up:\n{self.tail()}")
            await asyncio.sleep(0.05)
