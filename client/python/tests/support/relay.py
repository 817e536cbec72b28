"""A network between a client and a daemon, which can fall silent as a host does that vanished."""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Forwards connections to `port`, which a test may change for those to come."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.accepted = 0
        self._sockets: list[socket.socket] = []
        self._silent: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def silence_open_connections(self) -> None:
        """They stay open, and what is sent is taken, but nothing comes out at the other end."""
        with self._lock:
            self._silent.update(self._sockets)

    def close(self) -> None:
        with self._lock:
            for one in (self._listening, *self._sockets):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                with self._lock:
                    self.accepted += 1
                    self._sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    silent = source in self._silent
                if not silent:
                    to.sendall(data)
            if source not in self._silent:
                to.shutdown(socket.SHUT_WR)
