from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

import eldr
from eldr import v1
from eldr._leases import LeaseRenewals, ttl_of
from eldr._reports import to_duration
from support.both import KINDS, with_client
from support.fake_daemon import FakeDaemon
from support.real_daemon import wait_until

both = pytest.mark.parametrize("kind", KINDS)
DONE = v1.LeaseResult(outcome=v1.LEASE_OUTCOME_DONE)


def key(request_id: str) -> v1.LeaseKey:
    return v1.LeaseKey(model="m", request_id=request_id, lease_id=3)


def asked(batch: Any) -> list[str]:
    return [renewal.lease.request_id for renewal in batch.request.renewals]


def test_renews_at_a_third_and_takes_along_what_is_due_soon() -> None:
    renewals = LeaseRenewals()
    renewals.add(key("a"), 30.0, 0.0)
    renewals.add(key("b"), 30.0, 0.9)  # due within a thirtieth of its time to live after a
    renewals.add(key("c"), 30.0, 5.0)
    assert renewals.next_due() == 10.0
    assert renewals.take_due(9.99) is None
    batch = renewals.take_due(10.0)
    assert batch is not None
    assert asked(batch) == ["a", "b"]
    renewals.settle(batch, v1.RenewLeasesResponse(results=[DONE, DONE]), 10.0)
    assert renewals.next_due() == 15.0


def test_tries_again_soon_after_a_failed_call_and_no_more_after_the_end() -> None:
    renewals = LeaseRenewals()
    ticket = renewals.add(key("a"), 12.0, 0.0)
    batch = renewals.take_due(4.0)
    assert batch is not None
    renewals.settle(batch, eldr.EldrError(grpc.StatusCode.UNAVAILABLE, "away"), 4.0)
    error = renewals.error_of(ticket)
    assert error is not None
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert renewals.next_due() == 5.0
    batch = renewals.take_due(5.0)
    assert batch is not None
    stale = v1.LeaseResult(outcome=v1.LEASE_OUTCOME_STALE)
    renewals.settle(batch, v1.RenewLeasesResponse(results=[stale]), 5.0)
    assert str(renewals.error_of(ticket)) == (
        'NOT_FOUND: request "a" of model "m" no longer holds lease 3: it holds another'
    )
    assert renewals.next_due() is None


def test_heals_when_a_renewal_succeeds_again() -> None:
    renewals = LeaseRenewals()
    ticket = renewals.add(key("a"), 12.0, 0.0)
    for outcome in (v1.RenewLeasesResponse(), v1.RenewLeasesResponse(results=[DONE])):
        batch = renewals.take_due(100.0)
        assert batch is not None
        renewals.settle(batch, outcome, 96.0)
        if not outcome.results:
            assert "fewer renewals" in str(renewals.error_of(ticket))
    assert renewals.error_of(ticket) is None


def test_what_was_removed_during_its_call_stays_removed() -> None:
    renewals = LeaseRenewals()
    ticket = renewals.add(key("a"), 12.0, 0.0)
    batch = renewals.take_due(4.0)
    assert batch is not None
    renewals.remove(ticket)
    renewals.settle(batch, v1.RenewLeasesResponse(results=[DONE]), 4.0)
    assert renewals.next_due() is None
    assert renewals.releases() == []


def test_sends_no_more_than_the_daemon_takes_in_one_call() -> None:
    renewals = LeaseRenewals()
    tickets = [renewals.add(key(str(number)), 3.0, 0.0) for number in range(10_001)]
    first, second = renewals.take_due(1.0), renewals.take_due(1.0)
    assert first is not None
    assert second is not None
    assert (len(first.tickets), len(second.tickets)) == (10_000, 1)
    for ticket in tickets:
        renewals.release_later(ticket)
    assert [len(request.releases) for request in renewals.releases()] == [10_000, 1]


def test_gives_a_lease_a_second_at_least() -> None:
    assert ttl_of(v1.PlaceResponse()) == 1.0
    assert ttl_of(v1.PlaceResponse(lease_ttl=to_duration(2.5))) == 2.5


PLACED = v1.PlaceResponse(lease_id=9, lease_ttl=to_duration(1.0))
ASKED = v1.PlaceRequest(model="m", request_id="r")


@both
def test_keeps_a_lease_and_releases_it(daemon: FakeDaemon, kind: str) -> None:
    daemon.answers["RenewLeases"] = lambda asked: v1.RenewLeasesResponse(
        results=[DONE for _ in asked.renewals]
    )

    async def body(client: Any) -> None:
        keeper = client.keep_lease(ASKED, PLACED)
        await asyncio.to_thread(wait_until, lambda: daemon.names().count("RenewLeases") >= 2)
        assert keeper.error() is None
        await keeper.release(output_tokens=12)
        with pytest.raises(eldr.EldrError, match="released or detached"):
            await keeper.release()
        assert keeper.error().code is grpc.StatusCode.NOT_FOUND

    with_client(kind, eldr.Options(target=daemon.target), body)
    released = [request for name, request in daemon.calls if name == "ReleaseLease"]
    assert len(released) == 1
    assert released[0].lease == v1.LeaseKey(model="m", request_id="r", lease_id=9)
    assert released[0].output_tokens == 12
    assert not released[0].HasField("decode_counts")


@both
def test_a_closed_keeper_releases_in_the_background_and_a_detached_one_does_not(
    daemon: FakeDaemon, kind: str
) -> None:
    async def body(client: Any) -> None:
        client.keep_lease(ASKED, PLACED).close()
        kept = client.keep_lease(v1.PlaceRequest(model="m", request_id="kept"), PLACED)
        kept.detach()
        kept.close()

    # Closing the client sends what is queued.
    with_client(kind, eldr.Options(target=daemon.target), body)
    released = [
        release.lease.request_id
        for name, request in daemon.calls
        if name == "ReleaseLeases"
        for release in request.releases
    ]
    assert released == ["r"]
