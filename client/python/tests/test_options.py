from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

import eldr
from eldr._credentials import TlsSource, TokenSource
from eldr.options import channel_arguments
from support.clock import FakeClock


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (eldr.Options(target=""), 'Options.target is "", expected "host:port" or "unix:/path"'),
        (eldr.Options(timeout=0), "Options.timeout is 0, expected more than 0"),
        (
            eldr.Options(retry=eldr.RetryOptions(max_attempts=0)),
            "Options.retry.max_attempts is 0, expected at least 1",
        ),
        (
            eldr.Options(retry=eldr.RetryOptions(initial_backoff=-1)),
            "Options.retry.initial_backoff is -1, expected at least 0",
        ),
        (
            eldr.Options(retry=eldr.RetryOptions(max_backoff=-1)),
            "Options.retry.max_backoff is -1, expected at least 0",
        ),
        (
            eldr.Options(retry=eldr.RetryOptions(multiplier=math.nan)),
            "Options.retry.multiplier is nan, expected at least 1",
        ),
        (eldr.Options(max_receive_bytes=0), "max_receive_bytes is 0, expected more than 0"),
        (eldr.Options(keepalive_time=0.9), "keepalive_time is 0.9, expected at least 1"),
        (eldr.Options(keepalive_timeout=0), "keepalive_timeout is 0, expected at least 1"),
        (
            eldr.Options(http_proxy="http://u:sesame@host"),
            'http_proxy is "http://host", expected http://[USER:PASSWORD@]HOST:PORT',
        ),
        (eldr.Options(http_proxy="https://u:sesame@h:1"), 'http_proxy is "h:1", expected http://'),
        (eldr.Options(http_proxy="http://h:1/path"), 'http_proxy is "http://h:1/path", expected'),
        (
            eldr.Options(tls=eldr.TlsOptions(key_file="/k")),
            "Options.tls.certificate_file is",
        ),
        (
            eldr.Options(tls=eldr.TlsOptions(ca_file="/does/not/exist")),
            'Options.tls.ca_file is "/does/not/exist", which cannot be read',
        ),
        (eldr.Options(token_file="/does/not/exist"), "token file /does/not/exist: got a file that"),
    ],
)
def test_refuses_what_is_out_of_range(options: eldr.Options, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        eldr.Client(options)
    assert message in str(refused.value)


def test_asks_for_the_authority_with_a_client_certificate(tmp_path: Path) -> None:
    for name in ("crt", "key"):
        (tmp_path / name).write_text("x")
    tls = eldr.TlsOptions(certificate_file=str(tmp_path / "crt"), key_file=str(tmp_path / "key"))
    with pytest.raises(ValueError, match=r"ca_file is \"\", expected a path"):
        eldr.Client(eldr.Options(tls=tls))


def test_tells_grpc_to_notice_soon_what_became_of_a_daemon() -> None:
    options = eldr.Options(retry=eldr.RetryOptions(initial_backoff=0.07, max_backoff=2))
    arguments = dict(channel_arguments(options))
    assert arguments["grpc.initial_reconnect_backoff_ms"] == 70
    assert arguments["grpc.max_reconnect_backoff_ms"] == 400
    slow = eldr.Options(retry=eldr.RetryOptions(initial_backoff=9, max_backoff=9))
    assert dict(channel_arguments(slow))["grpc.initial_reconnect_backoff_ms"] == 400
    quick = eldr.Options(retry=eldr.RetryOptions(initial_backoff=0.01, max_backoff=0.02))
    assert dict(channel_arguments(quick))["grpc.max_reconnect_backoff_ms"] == 20
    assert arguments["grpc.dns_min_time_between_resolutions_ms"] == 200
    assert arguments["grpc.keepalive_time_ms"] == 2_000
    assert arguments["grpc.keepalive_timeout_ms"] == 3_000
    assert arguments["grpc.keepalive_permit_without_calls"] == 0
    silent = dict(channel_arguments(eldr.Options(keepalive_time=math.inf)))
    assert "grpc.keepalive_time_ms" not in silent


def test_reads_the_token_as_the_daemon_does_and_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("# a comment\n\n  first-token \nsecond\n")
    source = TokenSource(str(file))
    assert source.metadata() == (("authorization", "Bearer first-token"),)
    new = tmp_path / "new"
    new.write_text("other\n")
    new.replace(file)
    assert source.metadata() == (("authorization", "Bearer other"),)
    file.unlink()
    assert source.metadata() == (("authorization", "Bearer other"),)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "none"),
        (b"# only\n", "none"),
        (b"a b\n", "another text"),
        (b"\xff\xfe", "another text"),
        (b"x" * 4097, "another text"),
        (b"#" * 65537, "65537 bytes"),
    ],
)
def test_refuses_a_file_without_a_token_and_never_shows_it(
    tmp_path: Path, content: bytes, got: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ValueError) as refused:
        TokenSource(str(file))
    assert str(refused.value) == f"token file {file}: got {got}, expected a token in its first line"


def test_waits_for_no_pipe(tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="a file that cannot be read"):
        TokenSource(pipe)
    with pytest.raises(ValueError, match="cannot be read"):
        eldr.Client(eldr.Options(tls=eldr.TlsOptions(ca_file=pipe)))


def test_loads_replaced_files_of_tls_once_a_minute(tmp_path: Path) -> None:
    ca = tmp_path / "ca"
    ca.write_text("one")
    clock = FakeClock()
    source = TlsSource(eldr.TlsOptions(ca_file=str(ca)), clock)
    (tmp_path / "new").write_text("two")
    (tmp_path / "new").replace(ca)
    clock.advance(59)
    assert source.reload() is None
    clock.advance(1)
    assert source.reload() is not None
    clock.advance(60)
    assert source.reload() is None  # not replaced again
    ca.unlink()
    clock.advance(60)
    assert source.reload() is None  # the ones in use may still be good
