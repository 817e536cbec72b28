"""A daemon in this process whose answers a test writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory

import eldr.v1  # noqa: F401  registers the messages and services

_SERVICES = ("ModelService", "FleetService", "PlacementService")

Answer = Callable[[Any], Any]


def fail(code: grpc.StatusCode, message: str = "as asked") -> Answer:
    def answer(_: Any) -> Any:
        raise FailureError(code, message)

    return answer


class FailureError(Exception):
    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class FakeDaemon:
    """Answers each unary call by `answers[name]`, a function or a list of them, one per call.

    Without one it answers an empty message. `calls` are the (name, request) it got.
    """

    def __init__(self, address: str = "127.0.0.1:0") -> None:
        self.answers: dict[str, Answer | list[Answer]] = {}
        # A stream's answers to its requests; it ends when the iterator does.
        self.streams: dict[str, Callable[[Iterator[Any]], Iterator[Any]]] = {}
        self.calls: list[tuple[str, Any]] = []
        self.metadata: list[dict[str, str]] = []
        self.deadlines: list[float] = []
        self._lock = threading.Lock()
        options = [
            ("grpc.so_reuseport", 0),
            # Clients of tests ping more often than a server puts up with otherwise.
            ("grpc.http2.max_ping_strikes", 0),
        ]
        self._server = grpc.server(ThreadPoolExecutor(16), options=options)
        self._server.add_generic_rpc_handlers([self._handlers(name) for name in _SERVICES])
        self.port = self._server.add_insecure_port(address)
        self._server.start()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def stop(self) -> None:
        self._server.stop(None).wait()

    def __enter__(self) -> FakeDaemon:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _handlers(self, service: str) -> grpc.GenericRpcHandler:
        described = descriptor_pool.Default().FindServiceByName(f"eldr.v1.{service}")
        return grpc.method_handlers_generic_handler(
            described.full_name,
            {method.name: self._handler(method) for method in described.methods},
        )

    def _handler(self, method: Any) -> Any:
        request, response = (
            message_factory.GetMessageClass(kind)
            for kind in (method.input_type, method.output_type)
        )
        messages: dict[str, Any] = {
            "request_deserializer": request.FromString,
            "response_serializer": response.SerializeToString,
        }
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(method.name), **messages)
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                lambda asked, context: self._stream(method.name)(iter([asked]), context), **messages
            )
        return grpc.unary_unary_rpc_method_handler(self._unary(method.name, response), **messages)

    def _unary(self, name: str, response: type[Any]) -> Any:
        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            with self._lock:
                self.calls.append((name, request))
                self.metadata.append(
                    {key: str(value) for key, value in context.invocation_metadata()}
                )
                self.deadlines.append(context.time_remaining())
                answer = self.answers.get(name, lambda _: response())
                if isinstance(answer, list):
                    answer = answer.pop(0) if answer else lambda _: response()
            return _answered(lambda: answer(request), context)

        return handle

    def _stream(self, name: str) -> Any:
        def handle(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                yield from self.streams[name](requests)
            except FailureError as failure:
                context.abort(failure.code, failure.message)

        return handle


def _answered(answer: Callable[[], Any], context: grpc.ServicerContext) -> Any:
    try:
        return answer()
    except FailureError as failure:
        return context.abort(failure.code, failure.message)
