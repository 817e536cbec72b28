"""How a client reaches its daemon, and how long it tries. All times are in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class RetryOptions:
    """When a call that failed with UNAVAILABLE is made again.

    Only calls that are safe to repeat are. The call's timeout bounds all attempts together.
    """

    # The most attempts a call makes, the first included. 1: no retry.
    max_attempts: int = 4
    # The longest pause before the second attempt. Pauses are drawn between half of their bound and
    # the bound, so that many clients do not come back at one moment.
    initial_backoff: float = 0.05
    # What the bound is multiplied by after each attempt; at least 1.
    multiplier: float = 2.0
    # What the bound never exceeds.
    max_backoff: float = 1.0


@dataclass(frozen=True)
class TlsOptions:
    """Files in PEM for an encrypted connection; none: plaintext.

    Files that are replaced serve new connections within a minute.
    """

    # The authorities that the daemon's certificate may be signed by. Needed for TLS.
    ca_file: str = ""
    # The client's own certificate and its key, if the daemon asks for one; both or neither.
    certificate_file: str = ""
    key_file: str = ""
    # The name that the daemon's certificate must have, if it is not the host of the target.
    server_name: str = ""


@dataclass(frozen=True)
class Options:
    """A value out of its range is a ValueError when the client is made."""

    # Where the daemon listens: "host:port" or "unix:/path". A name is looked up again whenever the
    # connection is lost, so a successor that takes over the name is found.
    target: str = "127.0.0.1:9002"
    # How long one call may take in all, unless it says otherwise. More than 0.
    timeout: float = 5.0
    retry: RetryOptions = field(default_factory=RetryOptions)
    tls: TlsOptions = field(default_factory=TlsOptions)
    # A file whose first line is a bearer token, sent with every call; read again when it changes.
    # Empty: none. Without TLS the token crosses the network in plaintext.
    token_file: str = ""
    # The largest answer that is accepted, in bytes. More than 0.
    max_receive_bytes: int = 64 << 20
    # How soon a daemon is noticed that vanished without a word, with its host or its network. While
    # a call or a stream waits and nothing was received for keepalive_time, the daemon is asked;
    # after keepalive_timeout without an answer, or without an acknowledgement of what was sent, the
    # connection is given up: what waits ends with UNAVAILABLE, the next call connects anew. Both at
    # least 1 s. eldrd allows a question every second; a proxy in between may allow fewer, and
    # then ends connections with "too_many_pings". keepalive_time of math.inf: never asked.
    keepalive_time: float = 2.0
    keepalive_timeout: float = 3.0
    # The HTTP proxy to connect through, http://[USER:PASSWORD@]HOST:PORT. Empty: none, whatever the
    # environment says. Targets in the environment's no_grpc_proxy or no_proxy are still reached
    # directly.
    http_proxy: str = ""

    def check(self) -> None:
        """ValueError, naming the option, its value and what was expected."""
        retry = self.retry
        _require(bool(self.target), "target", '""', '"host:port" or "unix:/path"')
        _require(self.timeout > 0, "timeout", self.timeout, "more than 0")
        _require(retry.max_attempts >= 1, "retry.max_attempts", retry.max_attempts, "at least 1")
        _require(
            retry.initial_backoff >= 0, "retry.initial_backoff", retry.initial_backoff, "at least 0"
        )
        _require(retry.max_backoff >= 0, "retry.max_backoff", retry.max_backoff, "at least 0")
        _require(retry.multiplier >= 1, "retry.multiplier", retry.multiplier, "at least 1")
        _require(
            self.max_receive_bytes > 0, "max_receive_bytes", self.max_receive_bytes, "more than 0"
        )
        _require(self.keepalive_time >= 1, "keepalive_time", self.keepalive_time, "at least 1")
        _require(
            self.keepalive_timeout >= 1, "keepalive_timeout", self.keepalive_timeout, "at least 1"
        )
        _check_proxy(self.http_proxy)
        _check_tls(self.tls)


# gRPC's own values are for the open internet: up to two minutes between attempts to connect, twenty
# seconds for one, half a minute between look-ups of a name.
_MOST_RECONNECT_PAUSE = 0.4
_CONNECT_TIMEOUT = 3.0
_BETWEEN_LOOKUPS = 0.2
# For all name servers together: the resolver asks the second after five seconds.
_LOOKUP_TIMEOUT = 10.0


def channel_arguments(options: Options) -> list[tuple[str, int | str]]:
    """What gRPC is told about connections."""

    def milliseconds(seconds: float) -> int:
        return int(min(max(seconds * 1000, 1), 2**31 - 1))

    # While it waits to connect again gRPC fails calls at once, which would use up all attempts of a
    # call: reconnect at the pace of the retries instead.
    most = min(options.retry.max_backoff, _MOST_RECONNECT_PAUSE)
    first = min(options.retry.initial_backoff, most)
    arguments: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", options.max_receive_bytes),
        ("grpc.initial_reconnect_backoff_ms", milliseconds(first)),
        ("grpc.max_reconnect_backoff_ms", milliseconds(most)),
        ("grpc.min_reconnect_backoff_ms", milliseconds(_CONNECT_TIMEOUT)),
        ("grpc.dns_min_time_between_resolutions_ms", milliseconds(_BETWEEN_LOOKUPS)),
        ("grpc.dns_ares_query_timeout", milliseconds(_LOOKUP_TIMEOUT)),
        # Else gRPC takes one from the environment (http_proxy and alike), for the loopback too.
        # Proxies are for the world outside; a daemon is a neighbour.
        ("grpc.enable_http_proxy", int(bool(options.http_proxy))),
    ]
    if options.http_proxy:
        arguments.append(("grpc.http_proxy", options.http_proxy))
    if math.isfinite(options.keepalive_time):
        arguments += [
            ("grpc.keepalive_time_ms", milliseconds(options.keepalive_time)),
            ("grpc.keepalive_timeout_ms", milliseconds(options.keepalive_timeout)),
            # For gRPC's other pings, behind which that of the keepalive waits: else a minute.
            ("grpc.http2.ping_timeout_ms", milliseconds(options.keepalive_timeout)),
            # Only while a call waits: nobody reads an idle connection, so an answer would come too
            # late.
            ("grpc.keepalive_permit_without_calls", 0),
            # Else gRPC stops after two pings on a stream that only receives.
            ("grpc.http2.max_pings_without_data", 0),
        ]
    if options.tls.server_name:
        arguments.append(("grpc.ssl_target_name_override", options.tls.server_name))
    return arguments


def proxy_address(http_proxy: str) -> str:
    """ "HOST:PORT" of a proxy, without its user and password."""
    return http_proxy.removeprefix("http://").removesuffix("/").rpartition("@")[2]


def _check_proxy(http_proxy: str) -> None:
    if not http_proxy:
        return
    is_http = http_proxy.startswith("http://")
    address = proxy_address(http_proxy)
    host, _, port = address.rpartition(":")
    if not (is_http and host and port and "/" not in address):
        shown = ("http://" if is_http else "") + address
        raise ValueError(
            f'Options.http_proxy is "{shown}", expected http://[USER:PASSWORD@]HOST:PORT'
        )


def _require(holds: bool, field_name: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"Options.{field_name} is {value}, expected {expected}")


def _check_tls(tls: TlsOptions) -> None:
    if bool(tls.certificate_file) != bool(tls.key_file):
        missing = "certificate_file" if tls.key_file else "key_file"
        raise ValueError(
            f'Options.tls.{missing} is "", expected a path: a client certificate and '
            "its key go together"
        )
    for name in ("ca_file", "certificate_file", "key_file"):
        path = getattr(tls, name)
        if path and not _readable(path):
            raise ValueError(
                f'Options.tls.{name} is "{path}", which cannot be read or is empty, '
                "expected the path of a file in PEM"
            )
    if tls.certificate_file and not tls.ca_file:
        raise ValueError(
            'Options.tls.ca_file is "", expected a path: with a client certificate, '
            "the file of the authority that signed the daemon's"
        )


def _readable(path: str) -> bool:
    try:
        # To open a pipe would wait for whoever writes to it.
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return file.read(1) != b""
    except OSError:
        return False
