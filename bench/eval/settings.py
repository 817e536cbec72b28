"""What is run: every setting of the evaluation, as arguments of eldr-sim."""

from dataclasses import dataclass

from changes import BALANCERS

NODES = (4, 8, 16)
RATES = (1.5, 3, 7)  # requests per second per node
ALL = BALANCERS + ("domain", "locality_band", "locality_band_online", "residency",
                   "residency_oracle")

WARMUP_SECONDS = 20
# 2,000 are wanted; Poisson arrivals of 2,200 expected ones are fewer in one run of 100,000.
EXPECTED_REQUESTS = 2200
# Counts of bursty arrivals spread with their coefficient of variation.
EXPECTED_REQUESTS_BURSTY = 2800


@dataclass(frozen=True)
class Trace:
    name: str
    title: str
    folder: str
    synthetic: bool
    cost: float  # of a run, relative


@dataclass(frozen=True)
class Setting:
    group: str
    name: str
    title: str
    trace: Trace
    nodes: int = 8
    rate_per_node: float = 3
    policies: tuple = ALL
    extra: tuple = ()
    expected_requests: int = EXPECTED_REQUESTS
    # The least seconds of measurement; a scenario has its own time.
    least_seconds: float = 0

    @property
    def rate(self):
        return self.nodes * self.rate_per_node

    @property
    def path(self):
        return f"{self.group}/{self.trace.name}-{self.name}"

    @property
    def cost(self):
        arrivals = self.rate * (self.duration - WARMUP_SECONDS / 2)
        return self.trace.cost * arrivals * len(self.policies)

    @property
    def duration(self):
        return WARMUP_SECONDS + max(self.least_seconds, self.expected_requests / self.rate)

    def arguments(self, seed):
        arguments = [
            "--trace", self.trace.folder, "--policy", ",".join(self.policies),
            "--nodes", str(self.nodes), "--rate", f"{self.rate:g}",
            "--duration", f"{self.duration:.1f}s", "--warmup", f"{WARMUP_SECONDS}s",
            "--seed", str(seed), "--calibration-share", "0.5", "--signature-tokens", "64",
            "--format", "json",
        ]
        if "--output-tokens" not in self.extra:
            arguments += ["--output-tokens", "256"]
        return arguments + list(self.extra)


def grid(trace):
    return [
        Setting("grid", f"n{nodes}-r{rate:g}", f"{nodes} nodes, {rate:g}/s", trace, nodes, rate)
        for nodes in NODES for rate in RATES
    ]


def robustness(trace, data, scenarios):
    """At 8 nodes and 3 requests per second per node, one thing changed at a time."""

    def setting(name, title, *extra, **more):
        return Setting("robustness", name, title, trace, extra=extra, **more)

    def scenario(name, title):
        return setting(name, title, "--scenario", f"{scenarios}/{name}.yaml", least_seconds=100)

    bursty = {"expected_requests": EXPECTED_REQUESTS_BURSTY}
    return [
        setting("bursts", "bursty arrivals: gamma, coefficient of variation 3",
                "--arrivals", "gamma:3", **bursty),
        setting("azure", "arrivals and lengths of Azure 2023 (joined to the trace: synthetic)",
                "--arrivals", f"{data}/arrivals/azure_2023_conv.csv", "--output-tokens", "file",
                **bursty),
        setting("mooncake", "arrivals and lengths of Mooncake (joined to the trace: synthetic)",
                "--arrivals", f"{data}/arrivals/mooncake_conversation.jsonl",
                "--output-tokens", "file", **bursty),
        setting("lengths", "output lengths exponential, mean 256", "--output-tokens", "exp:256"),
        setting("skewed", "domains skewed: the k-th has weight 1/k", "--mix", "skewed"),
        setting("drift", "drift from one half of the domains to the other", "--mix", "drifting"),
        scenario("elastic", "elastic: nodes join, leave, drain and crash"),
        scenario("heterogeneous", "two nodes of half the speed"),
        scenario("wrong_coefficients", "policies believe wrong step times"),
        scenario("late_heartbeats", "heartbeats 2.5 s late, every 2 s"),
        scenario("missing_signatures", "signatures of 30 % missing, of 20 % late by 1 s"),
        scenario("churn", "churn: a node joins or leaves every second for a minute"),
        setting("random-row", "repeats start at a random decode row", "--repeat-start", "random"),
        setting("half-pool", "half the pool of requests", "--pool-share", "0.5"),
    ]


# The settings of the residency policy, one changed at a time.
VARIANTS = (("w", "1.25"), ("w", "1.5"), ("w", "2"), ("w", "4"), ("kappa", "1"), ("kappa", "2"),
            ("kappa", "4"), ("kappa", "8"), ("n0", "30"), ("n0", "1000000"))


def ablation(trace, flag, value):
    return [
        Setting("ablation", f"{flag}{value}-n8-r{rate:g}", f"{flag} = {value}", trace, 8, rate,
                ("residency",), (f"--{flag}", value)) for rate in RATES
    ]
