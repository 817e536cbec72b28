"""The proxy's metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One registry per proxy, so that a process may run several."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "eldr_proxy_requests_total",
            "Requests by how they ended: ok, client_error, failed, broken (after its first byte), "
            "disconnected.",
            ["outcome"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "eldr_proxy_requests_in_flight", "Requests that run now.", registry=registry
        )
        self.placements = Counter(
            "eldr_proxy_placements_total",
            "Decode legs by who chose their node: router, or round_robin where it was not to be "
            "had.",
            ["by"],
            registry=registry,
        )
        self.signatures = Counter(
            "eldr_proxy_signatures_total",
            "Experts in prefill replies: sent to the router, or refused as not of the model.",
            ["outcome"],
            registry=registry,
        )
        self.retries = Counter(
            "eldr_proxy_retries_total",
            "Legs that were tried again on another engine.",
            ["leg"],
            registry=registry,
        )
        self.prefill_seconds = Histogram(
            "eldr_proxy_prefill_seconds", "Prefill legs.", buckets=_SECONDS, registry=registry
        )
        self.place_seconds = Histogram(
            "eldr_proxy_place_seconds", "Placements.", buckets=_SECONDS, registry=registry
        )
        self.first_byte_seconds = Histogram(
            "eldr_proxy_first_byte_seconds",
            "From a request's arrival to the first byte of its reply.",
            buckets=_SECONDS,
            registry=registry,
        )
        for counter, values in (
            (self.requests, ("ok", "client_error", "failed", "broken", "disconnected")),
            (self.placements, ("router", "round_robin")),
            (self.signatures, ("sent", "refused")),
            (self.retries, ("prefill", "decode")),
        ):
            for value in values:
                counter.labels(value)

    def page(self) -> bytes:
        return generate_latest(self.registry)
