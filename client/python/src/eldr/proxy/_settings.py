"""What the proxy is told by its flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from eldr.options import Options, RetryOptions, TlsOptions

VLLM, SGLANG = "vllm", "sglang"


@dataclass(frozen=True)
class Prefill:
    """A prefill worker."""

    url: str
    # SGLang alone: its --disaggregation-bootstrap-port.
    bootstrap_port: int = 8998

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Settings:
    prefill: tuple[Prefill, ...]
    # Decode nodes for when the router cannot be asked; those that it answered are remembered, too.
    decode: tuple[str, ...] = ()
    # The router. Its calls are short: a request does not wait long for a router that is away.
    router: Options = field(
        default_factory=lambda: Options(timeout=1.0, retry=RetryOptions(max_attempts=2))
    )
    # The model's name at the router. Empty: that in the request.
    model: str = ""
    engine: str = VLLM
    # SGLang alone: prefill once without a decode node, place by what that activated, and only then
    # start the pair. Else the request is placed before its prefill, on the model's prior.
    late_placement: bool = False
    # How long the router waits for a signature that the prefill worker has not pushed yet.
    signature_wait: float = 0.02
    lease_ttl: float = 60.0
    # How long to wait for a connection to an engine, and for a prefill.
    connect_timeout: float = 2.0
    prefill_timeout: float = 120.0
    # The largest request that is taken.
    max_body_bytes: int = 64 << 20


def url_of(address: str) -> str:
    """Nodes register "host:port" or a URL."""
    return (address if "://" in address else f"http://{address}").rstrip("/")


def _prefill(text: str) -> Prefill:
    url, _, port = text.partition("#")
    parts = urlsplit(url_of(url))
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(f'"{text}", expected http://HOST:PORT[#BOOTSTRAP_PORT]')
    if not port:
        return Prefill(url_of(url))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f'bootstrap port "{port}", expected 1 to 65535')
    return Prefill(url_of(url), int(port))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 86_400:
        raise argparse.ArgumentTypeError(f"{text}, expected more than 0 and less than a day")
    return value


def _wait(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 50:
        raise argparse.ArgumentTypeError(f"{text}, expected 0 to 50")
    return value


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="python -m eldr.proxy",
        description="Prefill/decode proxy for /v1/completions and /v1/chat/completions.",
    )
    add = flags.add_argument
    add("--listen", default="127.0.0.1:8000", metavar="HOST:PORT", help="default %(default)s")
    add(
        "--prefill",
        type=_prefill,
        action="append",
        required=True,
        metavar="URL[#PORT]",
        help="a prefill worker, with SGLang's bootstrap port; may be repeated",
    )
    add(
        "--decode",
        type=url_of,
        action="append",
        default=[],
        metavar="URL",
        help="a decode node for when the router cannot be asked; may be repeated",
    )
    add("--router", default="127.0.0.1:9002", metavar="TARGET", help="eldrd; default %(default)s")
    add("--model", default="", help="the model's name at the router; default: the request's")
    add("--engine", choices=(VLLM, SGLANG), default=VLLM, help="default %(default)s")
    add(
        "--late-placement",
        action="store_true",
        help="SGLang: prefill once before the placement, and then the pair",
    )
    add("--signature-wait-ms", type=_wait, default=20.0, metavar="MS", help="default %(default)s")
    add("--lease-ttl", type=_seconds, default=60.0, metavar="SECONDS", help="default %(default)s")
    add(
        "--prefill-timeout",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="default %(default)s",
    )
    add("--tls-ca", default="", metavar="FILE", help="encrypt the router's connection")
    add("--tls-cert", default="", metavar="FILE", help="the proxy's own certificate")
    add("--tls-key", default="", metavar="FILE", help="and its key")
    add("--tls-server-name", default="", metavar="NAME")
    add("--token-file", default="", metavar="FILE", help="a bearer token for the router")
    return flags


def parse(arguments: Sequence[str]) -> tuple[Settings, str, int]:
    """The settings, and the host and port to listen on. Exits on a flag that makes no sense."""
    flags = parser()
    given = flags.parse_args(arguments)
    host, _, port = given.listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        flags.error(f'--listen "{given.listen}", expected HOST:PORT')
    if given.late_placement and given.engine != SGLANG:
        flags.error("--late-placement is for --engine sglang: vLLM is always placed after prefill")
    tls = TlsOptions(given.tls_ca, given.tls_cert, given.tls_key, given.tls_server_name)
    router = Options(
        target=given.router,
        timeout=1.0,
        retry=RetryOptions(max_attempts=2),
        tls=tls,
        token_file=given.token_file,
    )
    try:
        router.check()
    except ValueError as error:
        flags.error(str(error))
    settings = Settings(
        prefill=tuple(given.prefill),
        decode=tuple(given.decode),
        router=router,
        model=given.model,
        engine=given.engine,
        late_placement=given.late_placement,
        signature_wait=given.signature_wait_ms / 1000,
        lease_ttl=given.lease_ttl,
        prefill_timeout=given.prefill_timeout,
    )
    return settings, host.strip("[]") or "127.0.0.1", int(port)
