"""`python -m eldr.proxy`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence

from aiohttp import web

from eldr.proxy._settings import parse
from eldr.proxy.service import Proxy


async def serve(proxy: Proxy, host: str, port: int) -> None:
    """Until SIGINT or SIGTERM; what runs then has a minute to end."""
    # A client that goes away ends its request's legs and lease.
    runner = web.AppRunner(
        proxy.app, handler_cancellation=True, access_log=None, shutdown_timeout=60
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    address = runner.addresses[0]
    print(f"listening on {address[0]}:{address[1]}", flush=True)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def main(arguments: Sequence[str] | None = None) -> None:
    settings, host, port = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve(Proxy(settings), host, port))


if __name__ == "__main__":
    main()
