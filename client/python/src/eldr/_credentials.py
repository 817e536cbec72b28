"""What calls and connections show of who asks: the bearer token and TLS, both from files."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import grpc

from eldr.options import Options, TlsOptions

_MAX_TOKEN_CHARACTERS = 4096
_MAX_TOKEN_FILE = 64 << 10  # bytes, with the comments
# How often the files of TLS are looked at.
_RELOAD_SECONDS = 60.0


class _Stamp(NamedTuple):
    """Tells whether a file was replaced."""

    changed: int
    inode: int
    size: int


def _stamp(path: str) -> _Stamp:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        # To open a pipe waits for whoever writes to it, and a call must not.
        raise OSError(f"{path} is a folder, pipe or device")
    return _Stamp(status.st_mtime_ns, status.st_ino, status.st_size)


class TokenSource:
    """Reads the token from its file, and again when that has changed. Thread-safe."""

    def __init__(self, path: str) -> None:
        """ValueError, naming the file, if it cannot be read or holds no token."""
        self._path = path
        self._lock = threading.Lock()
        self._metadata: tuple[tuple[str, str], ...] = ()
        self._seen: _Stamp | None = None
        if path:
            self._refresh()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a call carries. While the file is not usable the last token that was read serves."""
        if not self._path:
            return ()
        with self._lock:
            with contextlib.suppress(ValueError):  # it may still be good; the daemon says if not
                self._refresh()
            return self._metadata

    def _refresh(self) -> None:
        try:
            seen = _stamp(self._path)
            if seen == self._seen:
                return
            if seen.size > _MAX_TOKEN_FILE:
                raise self._refusal(f"{seen.size} bytes")
            lines = [line.strip() for line in Path(self._path).read_text("utf-8").splitlines()]
        except OSError:
            raise self._refusal("a file that cannot be read") from None
        except UnicodeDecodeError:
            raise self._refusal("another text") from None
        # As the daemon reads such files: empty lines and comments are skipped.
        token = next((line for line in lines if line and not line.startswith("#")), "")
        if not token:
            raise self._refusal("none")
        printable = all("!" <= character <= "~" for character in token)
        if not printable or len(token) > _MAX_TOKEN_CHARACTERS:
            raise self._refusal("another text")
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._seen = seen

    def _refusal(self, got: str) -> ValueError:
        return ValueError(f"token file {self._path}: got {got}, expected a token in its first line")


class TlsSource:
    """Makes channel credentials from the files of TLS, and new ones when those have changed.

    Used under its owner's lock.
    """

    def __init__(self, tls: TlsOptions, now: Callable[[], float]) -> None:
        self._paths = (tls.ca_file, tls.key_file, tls.certificate_file)
        self._now = now
        self._next_look = now() + _RELOAD_SECONDS
        self._seen = self._stamps()

    def load(self) -> grpc.ChannelCredentials:
        ca, key, certificate = (Path(path).read_bytes() if path else None for path in self._paths)
        return grpc.ssl_channel_credentials(ca, key, certificate)

    def reload(self) -> grpc.ChannelCredentials | None:
        """New credentials if the files were replaced since the last look and can be read."""
        if self._now() < self._next_look:
            return None
        self._next_look = self._now() + _RELOAD_SECONDS
        try:
            seen = self._stamps()
            if seen == self._seen:
                return None
            credentials = self.load()
        except OSError:
            return None  # the ones in use may still be good
        self._seen = seen
        return credentials

    def _stamps(self) -> list[_Stamp]:
        return [_stamp(path) for path in self._paths if path]


def tls_source(options: Options, now: Callable[[], float]) -> TlsSource | None:
    """Nothing for a plaintext connection."""
    return TlsSource(options.tls, now) if options.tls.ca_file else None
