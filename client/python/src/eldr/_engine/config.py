"""What an engine is told: by its flags, where it has some for us, and by ELDR_* variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from eldr.options import Options, TlsOptions


@dataclass(frozen=True)
class Config:
    """A key that is not one of these is refused. Each may be set by ELDR_<KEY>, which wins.

    So the same flags can serve all engines of a cluster.
    """

    # The router: "host:port" or "unix:/path", and how to reach it (see eldr.Options).
    target: str = "127.0.0.1:9002"
    token_file: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_server_name: str = ""
    # The model's name at the router. Empty: the (first) name that the engine serves.
    model: str = ""
    # Push signatures; report as a decode node. Not given: by the engine's role, a prefill engine
    # pushes, a decode engine reports.
    push: bool | None = None
    report: bool | None = None
    # Pushing: the engine's name in receipts (empty: its host), and how many signatures wait at
    # most; further ones are dropped, for the engine never waits.
    worker: str = ""
    queue: int = 256
    # vLLM, pushing: signatures of runs of this many tokens are stored at the router, too, under the
    # engine's block hashes, for prompts whose KV comes from a cache that engines share; 0: none.
    # And that cache's name at the router; empty: the worker's, a cache of its own.
    block_tokens: int = 0
    cache: str = ""
    # vLLM, reporting: capture the experts of decode steps, for step statistics and for fits.
    capture_decode: bool = False
    # vLLM: which KV cache group's slots name the tokens. Not given: the first one with full
    # attention.
    attention_group: int | None = None
    # Reporting: where frontends reach the engine, "host:port"; needed. Its node id (empty: the
    # address), the most leases it takes (0: no limit) and how often it reports, in seconds.
    address: str = ""
    node_id: str = ""
    capacity: int = 0
    heartbeat_interval: float = 1.0

    def options(self) -> Options:
        tls = TlsOptions(self.tls_ca, self.tls_cert, self.tls_key, self.tls_server_name)
        return Options(target=self.target, token_file=self.token_file, tls=tls, timeout=2.0)


def read(
    given: Mapping[str, Any], environment: Mapping[str, str], *, producer: bool, consumer: bool
) -> Config:
    """ValueError, naming the key, for one that is not known or makes no sense."""
    known = {field.name: field for field in fields(Config)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise ValueError(
                f'key "{key}" is not known, expected one of {", ".join(sorted(known))}'
            )
        values[key] = _typed(key, value, str(known[key].type))
    for key in known:
        text = environment.get(f"ELDR_{key.upper()}")
        if text is not None:
            values[key] = _typed(f"ELDR_{key.upper()}", text, str(known[key].type))
    values["push"] = values["push"] if values.get("push") is not None else producer
    values["report"] = values["report"] if values.get("report") is not None else consumer
    config = Config(**values)
    if config.queue < 1:
        raise ValueError(f"queue is {config.queue}, expected at least 1")
    if config.block_tokens < 0:
        raise ValueError(f"block_tokens is {config.block_tokens}, expected at least 0")
    if config.capacity < 0:
        raise ValueError(f"capacity is {config.capacity}, expected at least 0")
    if not 0 < config.heartbeat_interval <= 3600:
        raise ValueError(
            f"heartbeat_interval is {config.heartbeat_interval}, expected more than 0 "
            "and at most 3600"
        )
    if config.report and not config.address:
        raise ValueError(
            'address is "", expected "host:port", where frontends reach this engine (ELDR_ADDRESS)'
        )
    config.options().check()
    return config


def _typed(key: str, value: Any, kind: str) -> Any:
    """`value` as the field's kind; texts, as of variables, are read."""
    if kind.startswith("bool"):
        if isinstance(value, str):
            value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
        right = isinstance(value, bool)
    elif kind.startswith("int"):
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        right = isinstance(value, int) and not isinstance(value, bool)
    elif kind == "float":
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                right = False
        right = isinstance(value, int | float) and not isinstance(value, bool)
        value = float(value) if right else value
    else:
        right = isinstance(value, str)
    if not right:
        raise ValueError(f"{key} is {value!r}, expected a value of type {kind.split(' ')[0]}")
    return value
