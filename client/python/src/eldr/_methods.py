"""The calls of the three services: paths, messages, and what is safe to repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from eldr import v1

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


_Asked = TypeVar("_Asked", contravariant=True)
_Answer = TypeVar("_Answer", covariant=True)


class Call(Protocol[_Asked, _Answer]):
    """What both clients' methods are: the answer is awaited or waited for."""

    def __call__(self, request: _Asked, timeout: float | None = None) -> _Answer: ...


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True)
class Unary(Generic[Request, Response]):
    path: str
    request: type[Request]
    response: type[Response]
    # Whether this request may be sent twice.
    repeatable: Callable[[Request], bool] = _always
    # Whether it lists what may be more than a page.
    paged: bool = False


@dataclass(frozen=True)
class Bidi(Generic[Request, Response]):
    """A stream that carries the messages of a unary call in numbered envelopes."""

    path: str
    envelope: type[Any]
    answer: type[Any]
    # The field of the request in its envelope, and of a success in the answer.
    body: str
    success: str


def _model(
    name: str, request: type[Request], response: type[Response], paged: bool = False
) -> Unary[Request, Response]:
    return Unary(f"/eldr.v1.ModelService/{name}", request, response, paged=paged)


def _fleet(
    name: str,
    request: type[Request],
    response: type[Response],
    repeatable: Callable[[Request], bool] = _always,
    paged: bool = False,
) -> Unary[Request, Response]:
    return Unary(f"/eldr.v1.FleetService/{name}", request, response, repeatable, paged)


def _placement(
    name: str,
    request: type[Request],
    response: type[Response],
    repeatable: Callable[[Request], bool] = _always,
) -> Unary[Request, Response]:
    return Unary(f"/eldr.v1.PlacementService/{name}", request, response, repeatable)


DECLARE_MODEL = _model("DeclareModel", v1.DeclareModelRequest, v1.DeclareModelResponse)
LIST_MODELS = _model("ListModels", v1.ListModelsRequest, v1.ListModelsResponse, paged=True)
DESCRIBE_MODEL = _model("DescribeModel", v1.DescribeModelRequest, v1.DescribeModelResponse)

REGISTER_NODE = _fleet("RegisterNode", v1.RegisterNodeRequest, v1.RegisterNodeResponse)
# The daemon would count the steps of a heartbeat twice.
HEARTBEAT = _fleet(
    "Heartbeat", v1.HeartbeatRequest, v1.HeartbeatResponse, lambda request: not request.steps
)
DRAIN_NODE = _fleet("DrainNode", v1.DrainNodeRequest, v1.DrainNodeResponse)
UNDRAIN_NODE = _fleet("UndrainNode", v1.UndrainNodeRequest, v1.UndrainNodeResponse)
REMOVE_NODE = _fleet("RemoveNode", v1.RemoveNodeRequest, v1.RemoveNodeResponse)
LIST_NODES = _fleet("ListNodes", v1.ListNodesRequest, v1.ListNodesResponse, paged=True)
GET_RESIDENCY = _fleet("GetResidency", v1.GetResidencyRequest, v1.GetResidencyResponse)

# So would it the tokens of a chunk that does not say where it belongs.
PUSH_SIGNATURE = _placement(
    "PushSignature",
    v1.PushSignatureRequest,
    v1.PushSignatureResponse,
    lambda request: not request.append or request.HasField("append_at"),
)
UPDATE_BLOCKS = _placement("UpdateBlocks", v1.UpdateBlocksRequest, v1.UpdateBlocksResponse)
PLACE = _placement("Place", v1.PlaceRequest, v1.PlaceResponse)
RENEW_LEASE = _placement("RenewLease", v1.RenewLeaseRequest, v1.RenewLeaseResponse)
RENEW_LEASES = _placement("RenewLeases", v1.RenewLeasesRequest, v1.RenewLeasesResponse)
RELEASE_LEASE = _placement("ReleaseLease", v1.ReleaseLeaseRequest, v1.ReleaseLeaseResponse)
RELEASE_LEASES = _placement("ReleaseLeases", v1.ReleaseLeasesRequest, v1.ReleaseLeasesResponse)
EXPLAIN_PLACEMENT = _placement(
    "ExplainPlacement", v1.ExplainPlacementRequest, v1.ExplainPlacementResponse
)
WATCH_PLACEMENTS = _placement(
    "WatchPlacements", v1.WatchPlacementsRequest, v1.WatchPlacementsResponse
)

STREAM_SIGNATURES: Bidi[v1.PushSignatureRequest, v1.PushSignatureResponse] = Bidi(
    "/eldr.v1.PlacementService/StreamSignatures",
    v1.StreamSignaturesRequest,
    v1.StreamSignaturesResponse,
    "push",
    "stored",
)
STREAM_PLACEMENTS: Bidi[v1.PlaceRequest, v1.PlaceResponse] = Bidi(
    "/eldr.v1.PlacementService/StreamPlacements",
    v1.StreamPlacementsRequest,
    v1.StreamPlacementsResponse,
    "place",
    "placed",
)
STREAM_HEARTBEATS: Bidi[v1.HeartbeatRequest, v1.HeartbeatResponse] = Bidi(
    "/eldr.v1.FleetService/StreamHeartbeats",
    v1.StreamHeartbeatsRequest,
    v1.StreamHeartbeatsResponse,
    "heartbeat",
    "taken",
)
