"""Which leases are to be renewed or released, and when: the state behind all keepers of a client.

Nothing here calls or waits; the two clients do, by `releases`, `take_due` and `settle`.
"""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass

import grpc

from eldr import v1
from eldr.errors import EldrError, from_number

# What the daemon takes in one call.
_MAX_BATCH = 10_000
# The shortest time to live that a daemon gives.
_MIN_TTL = 1.0
# Errors that another try may heal.
_TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
    }
)


@dataclass
class _Lease:
    key: v1.LeaseKey
    ttl: float
    due: float
    error: EldrError | None = None


@dataclass(frozen=True)
class Batch:
    """Renewals that go out in one call."""

    tickets: list[int]
    request: v1.RenewLeasesRequest


def key_of(request: v1.PlaceRequest, response: v1.PlaceResponse) -> v1.LeaseKey:
    return v1.LeaseKey(
        model=request.model, request_id=request.request_id, lease_id=response.lease_id
    )


def ttl_of(response: v1.PlaceResponse) -> float:
    return max(response.lease_ttl.ToTimedelta().total_seconds(), _MIN_TTL)


def _error_of(result: v1.LeaseResult, key: v1.LeaseKey) -> EldrError | None:
    if result.HasField("error"):
        return from_number(result.error.code, result.error.message)
    if result.outcome == v1.LEASE_OUTCOME_DONE:
        return None
    stale = ": it holds another" if result.outcome == v1.LEASE_OUTCOME_STALE else ""
    message = (
        f'request "{key.request_id}" of model "{key.model}" no longer holds lease '
        f"{key.lease_id}{stale}"
    )
    return EldrError(grpc.StatusCode.NOT_FOUND, message)


class LeaseRenewals:
    """Times are readings of one monotonic clock. Thread-safe; nothing here waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[int, _Lease] = {}
        # (due, ticket); an entry whose lease is gone or due at another time is skipped.
        self._due: list[tuple[float, int]] = []
        self._releases: list[v1.LeaseKey] = []
        self._last_ticket = 0

    def add(self, key: v1.LeaseKey, ttl: float, now: float) -> int:
        """Renews from now on, at a third of `ttl`. The ticket names the lease in what follows."""
        with self._lock:
            self._last_ticket += 1
            lease = _Lease(key, ttl, now + ttl / 3)
            self._leases[self._last_ticket] = lease
            heapq.heappush(self._due, (lease.due, self._last_ticket))
            return self._last_ticket

    def remove(self, ticket: int) -> None:
        with self._lock:
            self._leases.pop(ticket, None)

    def release_later(self, ticket: int) -> None:
        """Removes the lease and queues its release."""
        with self._lock:
            lease = self._leases.pop(ticket, None)
            if lease is not None:
                self._releases.append(lease.key)

    def error_of(self, ticket: int) -> EldrError | None:
        """What the last renewal ran into; nothing if it succeeded."""
        with self._lock:
            lease = self._leases.get(ticket)
        if lease is None:
            return EldrError(grpc.StatusCode.NOT_FOUND, "the lease is not kept any more")
        return lease.error

    def releases(self) -> list[v1.ReleaseLeasesRequest]:
        """The queued releases, which are forgotten. What the daemon does not take expires."""
        with self._lock:
            keys, self._releases = self._releases, []
        return [
            v1.ReleaseLeasesRequest(
                releases=[
                    v1.ReleaseLeaseRequest(lease=key) for key in keys[start : start + _MAX_BATCH]
                ]
            )
            for start in range(0, len(keys), _MAX_BATCH)
        ]

    def take_due(self, now: float) -> Batch | None:
        """The renewals that are due; nothing if none is. Each is settled after its call."""
        with self._lock:
            tickets: list[int] = []
            request = v1.RenewLeasesRequest()
            while (head := self._head()) is not None and len(tickets) < _MAX_BATCH:
                lease = self._leases[head]
                # Leases due soon go along with one that is due, so that many make few calls.
                if lease.due > (now + lease.ttl / 30 if tickets else now):
                    break
                heapq.heappop(self._due)
                request.renewals.add().lease.CopyFrom(lease.key)
                tickets.append(head)
            return Batch(tickets, request) if tickets else None

    def settle(self, batch: Batch, outcome: v1.RenewLeasesResponse | EldrError, now: float) -> None:
        """Takes in what came of a batch."""
        with self._lock:
            for index, ticket in enumerate(batch.tickets):
                lease = self._leases.get(ticket)
                if lease is None:
                    continue  # released while the call was under way
                if isinstance(outcome, EldrError):
                    lease.error = outcome
                elif index >= len(outcome.results):
                    lease.error = EldrError(
                        grpc.StatusCode.INTERNAL,
                        "the daemon answered fewer renewals than it was sent",
                    )
                else:
                    lease.error = _error_of(outcome.results[index], lease.key)
                if lease.error is not None and lease.error.code not in _TRANSIENT:
                    continue  # ended: not due again
                # After a failed call a renewal is tried again well before the lease runs out.
                lease.due = now + lease.ttl / (3 if lease.error is None else 12)
                heapq.heappush(self._due, (lease.due, ticket))

    def next_due(self) -> float | None:
        """When the next renewal is due; nothing if no lease waits for one."""
        with self._lock:
            head = self._head()
            return None if head is None else self._leases[head].due

    def _head(self) -> int | None:
        while self._due:
            due, ticket = self._due[0]
            lease = self._leases.get(ticket)
            if lease is not None and lease.due == due:
                return ticket
            heapq.heappop(self._due)
        return None
