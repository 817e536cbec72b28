"""The client of an ELDR daemon, for asyncio. Options, messages and errors are those of `eldr`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from eldr import _methods as methods
from eldr import v1
from eldr._aio_connection import Connection
from eldr._aio_reporter import NodeReporter
from eldr._aio_streams import Stream
from eldr._health import CHECK, Health, health_of, health_request
from eldr._leases import LeaseRenewals, key_of, ttl_of
from eldr._methods import Request, Response, Unary
from eldr._pages import Pages
from eldr._retry import Environment
from eldr.errors import EldrError, from_rpc_error
from eldr.options import Options

__all__ = ["Client", "LeaseKeeper", "NodeReporter", "Stream"]


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

    async def _call(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        return await self._connection.call(method, request, timeout)

    async def _list(
        self, method: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        """One page if the request has a page_size or a page_token, else all as if they were one."""
        connection = self._connection
        whole = connection.options.timeout if timeout is None else timeout
        pages = Pages(method, request, whole, connection.environment)
        while pages.request is not None:
            pages.add(await self._call(method, pages.request, pages.remaining()))
        return pages.result

    # Lists bring all pages as if they were one, unless the request has a page_size or a page_token:
    # then they bring that page, and next_page_token tells of more.

    # Models.

    async def declare_model(
        self, request: v1.DeclareModelRequest, timeout: float | None = None
    ) -> v1.DeclareModelResponse:
        return await self._call(methods.DECLARE_MODEL, request, timeout)

    async def list_models(
        self, request: v1.ListModelsRequest, timeout: float | None = None
    ) -> v1.ListModelsResponse:
        return await self._list(methods.LIST_MODELS, request, timeout)

    async def describe_model(
        self, request: v1.DescribeModelRequest, timeout: float | None = None
    ) -> v1.DescribeModelResponse:
        return await self._call(methods.DESCRIBE_MODEL, request, timeout)

    # Fleet.

    async def register_node(
        self, request: v1.RegisterNodeRequest, timeout: float | None = None
    ) -> v1.RegisterNodeResponse:
        return await self._call(methods.REGISTER_NODE, request, timeout)

    async def heartbeat(
        self, request: v1.HeartbeatRequest, timeout: float | None = None
    ) -> v1.HeartbeatResponse:
        """One with steps is not retried: the daemon would count the steps twice."""
        return await self._call(methods.HEARTBEAT, request, timeout)

    async def drain_node(
        self, request: v1.DrainNodeRequest, timeout: float | None = None
    ) -> v1.DrainNodeResponse:
        return await self._call(methods.DRAIN_NODE, request, timeout)

    async def undrain_node(
        self, request: v1.UndrainNodeRequest, timeout: float | None = None
    ) -> v1.UndrainNodeResponse:
        return await self._call(methods.UNDRAIN_NODE, request, timeout)

    async def remove_node(
        self, request: v1.RemoveNodeRequest, timeout: float | None = None
    ) -> v1.RemoveNodeResponse:
        return await self._call(methods.REMOVE_NODE, request, timeout)

    async def list_nodes(
        self, request: v1.ListNodesRequest, timeout: float | None = None
    ) -> v1.ListNodesResponse:
        return await self._list(methods.LIST_NODES, request, timeout)

    async def get_residency(
        self, request: v1.GetResidencyRequest, timeout: float | None = None
    ) -> v1.GetResidencyResponse:
        return await self._call(methods.GET_RESIDENCY, request, timeout)

    # Placement.

    async def push_signature(
        self, request: v1.PushSignatureRequest, timeout: float | None = None
    ) -> v1.PushSignatureResponse:
        """One with `append` and without `append_at` is not retried: it would count twice."""
        return await self._call(methods.PUSH_SIGNATURE, request, timeout)

    async def update_blocks(
        self, request: v1.UpdateBlocksRequest, timeout: float | None = None
    ) -> v1.UpdateBlocksResponse:
        return await self._call(methods.UPDATE_BLOCKS, request, timeout)

    async def place(
        self, request: v1.PlaceRequest, timeout: float | None = None
    ) -> v1.PlaceResponse:
        return await self._call(methods.PLACE, request, timeout)

    async def renew_lease(
        self, request: v1.RenewLeaseRequest, timeout: float | None = None
    ) -> v1.RenewLeaseResponse:
        return await self._call(methods.RENEW_LEASE, request, timeout)

    async def renew_leases(
        self, request: v1.RenewLeasesRequest, timeout: float | None = None
    ) -> v1.RenewLeasesResponse:
        return await self._call(methods.RENEW_LEASES, request, timeout)

    async def release_lease(
        self, request: v1.ReleaseLeaseRequest, timeout: float | None = None
    ) -> v1.ReleaseLeaseResponse:
        """A retried release may answer NOT_HELD where the first attempt's answer was lost."""
        return await self._call(methods.RELEASE_LEASE, request, timeout)

    async def release_leases(
        self, request: v1.ReleaseLeasesRequest, timeout: float | None = None
    ) -> v1.ReleaseLeasesResponse:
        return await self._call(methods.RELEASE_LEASES, request, timeout)

    async def explain_placement(
        self, request: v1.ExplainPlacementRequest, timeout: float | None = None
    ) -> v1.ExplainPlacementResponse:
        return await self._call(methods.EXPLAIN_PLACEMENT, request, timeout)

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
        return health_of(await self._call(CHECK, health_request(service), timeout))


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
