"""`python engines_stand FOLDER --eldrd PROGRAM [--keep]`: see `./dev engines`."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import scenes
from model import make
from processes import StandError
from report import Report
from router import Router
from stand import Stand
from traffic import Traffic
from truth import Truth

# The exit status where nothing is proved or disproved: an engine does not come up.
_NOT_UP = 70


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="engines_stand")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--eldrd", required=True, help="the daemon")
    parser.add_argument("--keep", action="store_true", help="start the stand and leave it running")
    parser.add_argument("--only", default="", help="scenes to run, by name, with commas")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def prepared(folder: Path) -> Path:
    """With the model, and without what an earlier stand left."""
    folder = folder.resolve()
    if not (folder / "model/config.json").is_file():
        make(folder / "model")
    for old in ("eldrd", "kv"):
        shutil.rmtree(folder / old, ignore_errors=True)
    for log in folder.glob("*.log"):
        log.unlink()
    return folder


async def main() -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    given = arguments()
    folder = prepared(given.folder)
    report = Report()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        router = Router(given.eldrd, folder)
        stand = Stand(
            folder, report, session, router, Traffic(session, given.seed), Truth(folder / "model")
        )
        try:
            await router.begin()
            if given.keep:
                await scenes.keep(stand)
            else:
                await scenes.run(stand, given.only.split(",") if given.only else [])
        except StandError as error:
            report.table()
            print(error, file=sys.stderr)
            return _NOT_UP
        finally:
            await stand.close()
    return 0 if report.table() else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except asyncio.CancelledError:
        sys.exit(130)
