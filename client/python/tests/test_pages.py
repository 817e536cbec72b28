from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

import eldr
from eldr import _methods, v1
from eldr._pages import Pages
from eldr._retry import Environment
from support.both import KINDS, with_client
from support.clock import FakeClock
from support.fake_daemon import FakeDaemon, fail
from support.real_daemon import Eldrd

both = pytest.mark.parametrize("kind", KINDS)

IDS = [f"d{number:02}" for number in range(7)]
MODELS = [f"m{number:02}" for number in range(7)]


def serve_pages(daemon: FakeDaemon, size: int = 3) -> None:
    """Pages of at most `size`, with the number of the first element behind as the token."""

    def nodes(request: v1.ListNodesRequest) -> v1.ListNodesResponse:
        first, end = span(request, size)
        page = [
            v1.Node(spec=v1.NodeSpec(node_id=one, model=request.model)) for one in IDS[first:end]
        ]
        return v1.ListNodesResponse(nodes=page, next_page_token=token(end, IDS))

    def models(request: v1.ListModelsRequest) -> v1.ListModelsResponse:
        first, end = span(request, size)
        page = [v1.Model(name=one) for one in MODELS[first:end]]
        return v1.ListModelsResponse(models=page, next_page_token=token(end, MODELS))

    daemon.answers.update(ListNodes=nodes, ListModels=models)


def span(request: Any, size: int) -> tuple[int, int]:
    first = int(request.page_token or 0)
    return first, first + min(size, request.page_size or size)


def token(end: int, listed: list[str]) -> str:
    return str(end) if end < len(listed) else ""


@both
def test_lists_bring_all_pages(daemon: FakeDaemon, kind: str) -> None:
    serve_pages(daemon)
    asked = v1.ListNodesRequest(model="m")

    async def body(client: Any) -> None:
        nodes = await client.list_nodes(asked)
        assert [(node.spec.node_id, node.spec.model) for node in nodes.nodes] == [
            (one, "m") for one in IDS
        ]
        assert nodes.next_page_token == ""
        models = await client.list_models(v1.ListModelsRequest())
        assert [model.name for model in models.models] == MODELS
        assert models.next_page_token == ""

    with_client(kind, eldr.Options(target=daemon.target), body)
    assert asked == v1.ListNodesRequest(model="m")  # the caller's own
    assert daemon.names() == ["ListNodes"] * 3 + ["ListModels"] * 3


@both
def test_brings_one_page_where_one_is_asked_for(daemon: FakeDaemon, kind: str) -> None:
    serve_pages(daemon)

    async def body(client: Any) -> None:
        first = await client.list_nodes(v1.ListNodesRequest(page_size=2))
        assert ([node.spec.node_id for node in first.nodes], first.next_page_token) == (
            IDS[:2],
            "2",
        )
        second = await client.list_nodes(v1.ListNodesRequest(page_token="2"))
        assert ([node.spec.node_id for node in second.nodes], second.next_page_token) == (
            IDS[2:5],
            "5",
        )

    with_client(kind, eldr.Options(target=daemon.target), body)
    assert len(daemon.calls) == 2


@both
def test_a_page_is_retried_and_an_error_gives_no_part_of_a_list(
    daemon: FakeDaemon, kind: str
) -> None:
    serve_pages(daemon)
    nodes: Any = daemon.answers["ListNodes"]
    daemon.answers["ListNodes"] = [
        nodes,
        fail(grpc.StatusCode.UNAVAILABLE),
        nodes,
        nodes,
        nodes,
        fail(grpc.StatusCode.INVALID_ARGUMENT),
    ]

    async def body(client: Any) -> None:
        assert len((await client.list_nodes(v1.ListNodesRequest())).nodes) == len(IDS)
        with pytest.raises(eldr.EldrError, match="INVALID_ARGUMENT"):
            await client.list_nodes(v1.ListNodesRequest())

    retry = eldr.RetryOptions(initial_backoff=0.01, max_backoff=0.02)
    with_client(kind, eldr.Options(target=daemon.target, retry=retry), body)


@both
def test_refuses_a_page_that_follows_itself(daemon: FakeDaemon, kind: str) -> None:
    daemon.answers["ListModels"] = lambda _: v1.ListModelsResponse(next_page_token="x")

    async def body(client: Any) -> None:
        with pytest.raises(eldr.EldrError, match="INTERNAL: next_page_token: got that of the page"):
            await client.list_models(v1.ListModelsRequest())

    with_client(kind, eldr.Options(target=daemon.target), body)
    assert len(daemon.calls) == 2


def test_one_timeout_bounds_all_pages() -> None:
    clock = FakeClock()
    pages = Pages(_methods.LIST_NODES, v1.ListNodesRequest(), 5, Environment(now=clock))
    assert pages.remaining() == 5
    clock.advance(3)
    pages.add(v1.ListNodesResponse(next_page_token="x"))
    assert pages.remaining() == 2
    clock.advance(2)
    with pytest.raises(eldr.EldrError, match="DEADLINE_EXCEEDED: the timeout passed between two"):
        pages.remaining()


@both
def test_brings_all_nodes_of_a_real_daemon(start_eldrd: Callable[..., Eldrd], kind: str) -> None:
    daemon = start_eldrd()
    ids = [f"d{number:04}" for number in range(1_010)]  # a page has at most 1,000

    async def body(client: Any) -> None:
        for one in ids:
            node = v1.NodeSpec(node_id=one, model="m", address=f"{one}:8000")
            await client.register_node(v1.RegisterNodeRequest(node=node))
        first = await client.list_nodes(v1.ListNodesRequest(page_size=1_000_000))
        assert first.next_page_token
        assert 0 < len(first.nodes) < len(ids)
        listed = await client.list_nodes(v1.ListNodesRequest(model="m"))
        assert [node.spec.node_id for node in listed.nodes] == ids
        other = v1.ModelGeometry(layers=1, experts=4, top_k=1)
        await client.declare_model(v1.DeclareModelRequest(name="other", geometry=other))
        page = await client.list_models(v1.ListModelsRequest(page_size=1))
        assert page.next_page_token
        models = await client.list_models(v1.ListModelsRequest())
        assert len(models.models) == 2

    with_client(kind, eldr.Options(target=daemon.target, timeout=30), body)
