"""The client of an ELDR daemon, for asyncio. Options, messages and errors are those of `eldr`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Generic, overload

import grpc

from eldr import _methods as methods
from eldr import v1
from eldr._aio_connection import Connection
from eldr._aio_reporter import NodeReporter
from eldr._aio_streams import Stream
from eldr._health import CHECK, Health, health_of, health_request
from eldr._leases import LeaseRenewals, key_of, ttl_of
from eldr._methods import Call, Request, Response, Unary
from eldr._retry import Environment
from eldr.errors import EldrError, from_rpc_error
from eldr.options import Options

__all__ = ["Client", "LeaseKeeper", "NodeReporter", "Stream"]


class _Call(Generic[Request, Response]):
    """One of the client's methods: makes the call `method`."""

    def __init__(self, method: Unary[Request, Response]) -> None:
        self._method = method
        self.__doc__ = f"Makes the call {method.path}: see its comment in the .proto files."

    @overload
    def __get__(self, client: None, owner: type[Client]) -> _Call[Request, Response]: ...
    @overload
    def __get__(
        self, client: Client, owner: type[Client]
    ) -> Call[Request, Coroutine[Any, Any, Response]]: ...
    def __get__(self, client: Client | None, owner: type[Client]) -> Any:
        if client is None:
            return self
        return functools.partial(_made, client._connection, self._method)


async def _made(
    connection: Connection,
    method: Unary[Request, Response],
    request: Request,
    timeout: float | None = None,
) -> Response:
    return await connection.call(method, request, timeout)


class Client:
    """`eldr.Client` with calls that are awaited; cancelling one cancels the call.

        async with eldr.aio.Client(eldr.Options(target="127.0.0.1:9002")) as client:
            placed = await client.place(v1.PlaceRequest(model="mixtral", request_id="r-17"))

    Made, used and closed in one event loop. The first call connects.
    """

    def __init__(
        self, options: Options | None = None, *, environment: Environment | None = None
    ) -> None:
        """ValueError if an option is out of its range or a file cannot be read."""
        self._connection = Connection(options or Options(), environment or Environment())
        self._renewals = _RenewalTask(self._connection)

    async def close(self) -> None:
        """Sends the releases that are queued and ends calls and streams. Keepers renew no more."""
        await self._renewals.close()
        await self._connection.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Each of these takes its request and, maybe, a timeout. Lists bring all pages as if they were
    # one, unless the request has a page_size or a page_token: then they bring that page, and
    # next_page_token tells of more.

    # Models.

    declare_model = _Call(methods.DECLARE_MODEL)
    list_models = _Call(methods.LIST_MODELS)
    describe_model = _Call(methods.DESCRIBE_MODEL)

    # Fleet.

    register_node = _Call(methods.REGISTER_NODE)
    # One with steps is not retried: the daemon would count the steps twice.
    heartbeat = _Call(methods.HEARTBEAT)
    drain_node = _Call(methods.DRAIN_NODE)
    undrain_node = _Call(methods.UNDRAIN_NODE)
    remove_node = _Call(methods.REMOVE_NODE)
    list_nodes = _Call(methods.LIST_NODES)
    get_residency = _Call(methods.GET_RESIDENCY)

    # Placement.

    # One with `append` and without `append_at` is not retried: it would count twice.
    push_signature = _Call(methods.PUSH_SIGNATURE)
    update_blocks = _Call(methods.UPDATE_BLOCKS)
    place = _Call(methods.PLACE)
    renew_lease = _Call(methods.RENEW_LEASE)
    renew_leases = _Call(methods.RENEW_LEASES)
    # A retried release may answer NOT_HELD where the first attempt's answer was lost.
    release_lease = _Call(methods.RELEASE_LEASE)
    release_leases = _Call(methods.RELEASE_LEASES)
    explain_placement = _Call(methods.EXPLAIN_PLACEMENT)

    async def watch_placements(
        self, request: v1.WatchPlacementsRequest, timeout: float | None = None
    ) -> AsyncIterator[v1.WatchPlacementsResponse]:
        """Each placement as it is made, until the iterator is closed; raises what ends it.

        Without a timeout it goes on for ever. Never retried.
        """
        stub: Any = self._connection.channel().unary_stream(
            methods.WATCH_PLACEMENTS.path,
            request_serializer=v1.WatchPlacementsRequest.SerializeToString,
            response_deserializer=v1.WatchPlacementsResponse.FromString,
        )
        call = stub(request, timeout=timeout, metadata=self._connection.token.metadata())
        try:
            async for placement in call:
                yield placement
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        finally:
            call.cancel()

    # Streams. Opening one never fails; what is wrong shows at the first receive(). Never retried.
    # Without a timeout they go on for ever.

    def stream_signatures(
        self, timeout: float | None = None
    ) -> Stream[v1.PushSignatureRequest, v1.PushSignatureResponse]:
        return self._stream(methods.STREAM_SIGNATURES, timeout)

    def stream_placements(
        self, timeout: float | None = None
    ) -> Stream[v1.PlaceRequest, v1.PlaceResponse]:
        return self._stream(methods.STREAM_PLACEMENTS, timeout)

    def stream_heartbeats(
        self, timeout: float | None = None
    ) -> Stream[v1.HeartbeatRequest, v1.HeartbeatResponse]:
        return self._stream(methods.STREAM_HEARTBEATS, timeout)

    def _stream(
        self, method: methods.Bidi[Request, Response], timeout: float | None
    ) -> Stream[Request, Response]:
        connection = self._connection
        return Stream(connection.channel(), method, timeout, connection.token.metadata())

    def keep_lease(self, request: v1.PlaceRequest, response: v1.PlaceResponse) -> LeaseKeeper:
        """Renews the lease of a placement until the keeper is released or closed."""
        return LeaseKeeper(self._connection, self._renewals, request, response)

    async def check_health(self, service: str = "", timeout: float | None = None) -> Health:
        """Of "" (the whole), "liveness" or "readiness". NOT_FOUND if it knows no such name."""
        return health_of(await self._connection.call(CHECK, health_request(service), timeout))


class LeaseKeeper:
    """Holds one lease.

        with client.keep_lease(request, await client.place(request)) as lease:
            ...  # run the request; look at lease.error() now and then
            await lease.release(output_tokens=512)

    As `eldr.LeaseKeeper`, with a background task in the place of the thread.
    """

    def __init__(
        self,
        connection: Connection,
        renewals: _RenewalTask,
        request: v1.PlaceRequest,
        response: v1.PlaceResponse,
    ) -> None:
        self.key = key_of(request, response)
        self._connection = connection
        self._task = renewals
        self._held = True
        now = connection.environment.now()
        self._ticket = renewals.leases.add(self.key, ttl_of(response), now)
        renewals.wake()

    def error(self) -> EldrError | None:
        """None as long as no renewal failed.

        UNAVAILABLE and the like: the last renewal did not reach the daemon; it is tried again.
        NOT_FOUND: the lease has ended (or moved to another id) and is renewed no more; place the
        request again.
        """
        return self._task.leases.error_of(self._ticket)

    async def release(
        self,
        output_tokens: int | None = None,
        decode_counts: v1.ExpertSignature | None = None,
        timeout: float | None = None,
    ) -> v1.ReleaseLeaseResponse:
        """Ends the lease and waits for the answer; tells the daemon what is known of the request.

        Only the first call does; a later one raises FAILED_PRECONDITION. On an error the daemon
        drops the lease when its time to live has passed.
        """
        if not self._held:
            raise EldrError(
                grpc.StatusCode.FAILED_PRECONDITION, "the lease was released or detached before"
            )
        self.detach()
        request = v1.ReleaseLeaseRequest(
            lease=self.key, output_tokens=output_tokens, decode_counts=decode_counts
        )
        return await self._connection.call(methods.RELEASE_LEASE, request, timeout)

    def detach(self) -> None:
        """Stops renewing and does not release: someone else holds the lease from now on."""
        self._held = False
        self._task.leases.remove(self._ticket)

    def close(self) -> None:
        """Releases in the background what is still held."""
        if self._held:
            self._held = False
            self._task.leases.release_later(self._ticket)
            self._task.wake()

    def __enter__(self) -> LeaseKeeper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _RenewalTask:
    """The task behind all keepers of a client; runs from the first one on."""

    def __init__(self, connection: Connection) -> None:
        self.leases = LeaseRenewals()
        self._connection = connection
        self._woken = asyncio.Event()
        self._stop = False
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self._woken.set()
        if self._task is None and not self._stop:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        self._stop = True
        self._woken.set()
        if self._task is not None:
            await self._task
        await self._release()

    async def step(self) -> float | None:
        """One round: sends the queued releases and renews what is due. When the next is due."""
        await self._release()
        now = self._connection.environment.now()
        while (batch := self.leases.take_due(now)) is not None:
            try:
                outcome: Any = await self._connection.call(
                    methods.RENEW_LEASES, batch.request, None
                )
            except EldrError as error:
                outcome = error
            self.leases.settle(batch, outcome, now)
        return self.leases.next_due()

    async def _release(self) -> None:
        for request in self.leases.releases():
            try:
                await self._connection.call(methods.RELEASE_LEASES, request, None)
            except EldrError:
                continue  # the call retries by itself; after that the lease expires

    async def _run(self) -> None:
        while not self._stop:
            due = await self.step()
            wait = None if due is None else max(0.0, due - self._connection.environment.now())
            with contextlib.suppress(asyncio.TimeoutError):  # then a lease is due
                await asyncio.wait_for(self._woken.wait(), wait)
            self._woken.clear()
