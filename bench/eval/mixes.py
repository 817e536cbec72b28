"""Skewed and drifting mixes, and the objectives that residency may have on every trace.

A mix has one large domain of nearly equal requests, and one whose decode does not follow its
prefill: NAME:SHARE:REQUEST_SPREAD:PHASE_SPREAD of eldr-synthesize.
"""

from dataclasses import dataclass, replace

from changes import BALANCERS, Cell
from settings import EXPECTED_REQUESTS_BURSTY, Setting, Trace

SEEDS = 4  # at most: there are many cells
POLICIES = BALANCERS + ("locality_band", "locality_band_online", "residency", "residency_oracle")
# Beside the default.
OBJECTIVES = ("median", "tail")

_QWEN = ("--marginals", "tests/data/qwen3_30b_mgsm", "--decode-tokens", "128")
_GPTOSS = ("--marginals", "tests/data/gptoss20b", "--top-k", "4", "--sharpen", "1",
           "--decode-tokens", "256")
_SIZE = ("--requests", "1280", "--prefill-tokens", "64")


def _domains(*domains):
    return tuple(word for domain in domains for word in ("--domain", domain))


# What eldr-synthesize draws.
DRAWN = {
    "qwen-skewed": (*_QWEN, *_SIZE, "--seed", "2",
                    *_domains("en:60:0.1:0.3", "zh:20", "sw:15", "bn:5:0.6:2")),
    "qwen-unlike": (*_QWEN, *_SIZE, "--seed", "3",
                    *_domains("sw:60:0.1:0.3", "de:20:0.3:1.5", "ja:15", "en:5")),
    "gptoss-skewed": (*_GPTOSS, *_SIZE, "--seed", "4",
                      *_domains("law:60:0.1:0.3", "physics:20", "math:15", "safety:5:0.6:2")),
    "gptoss-unlike": (*_GPTOSS, *_SIZE, "--seed", "5",
                      *_domains("math:60:0.1:0.3", "history/gov:20:0.3:1.5", "cs/eng:15",
                                "medicine:5")),
}


@dataclass(frozen=True)
class Mix:
    trace: Trace
    extra: tuple = ()


def mixes(real, folder, scenarios):
    """`folder` holds what was drawn."""

    def drawn(name, title, source, cost, extra=()):
        trace = Trace(name, f"SYNTHETIC {title}", f"{folder}/{source}", synthetic=True, cost=cost)
        return Mix(trace, extra)

    drifting = ("--mix", "drifting")
    return [
        Mix(replace(real, name="real-skewed", title="gpt-oss-20b, 60/20/15/5 % of four domains"),
            ("--scenario", f"{scenarios}/skewed.yaml")),
        Mix(replace(real, name="real-drifting", title="gpt-oss-20b, drifting"), drifting),
        drawn("qwen-skewed", "Qwen3-30B-A3B, skewed", "qwen-skewed", 4),
        drawn("qwen-unlike", "Qwen3-30B-A3B, skewed, a fifth unpredictable", "qwen-unlike", 4),
        drawn("qwen-drifting", "Qwen3-30B-A3B, skewed and drifting", "qwen-skewed", 4, drifting),
        drawn("gptoss-skewed", "gpt-oss-20b, skewed", "gptoss-skewed", 1),
        drawn("gptoss-unlike", "gpt-oss-20b, skewed, a fifth unpredictable", "gptoss-unlike", 1),
        drawn("gptoss-drifting", "gpt-oss-20b, skewed and drifting", "gptoss-skewed", 1, drifting),
    ]


def cells(mix, data):
    """From light to heavy load on 4 to 32 nodes, each with one kind of arrivals."""
    files = {name: ("--arrivals", f"{data}/arrivals/{file}", "--output-tokens", "file")
             for name, file in (("Azure", "azure_2023_conv.csv"),
                                ("Mooncake", "mooncake_conversation.jsonl"))}
    bursts = ("--arrivals", "gamma:3")

    def cell(nodes, rate, arrivals, extra):
        more = {"expected_requests": EXPECTED_REQUESTS_BURSTY} if extra else {}
        return Setting("mixes", f"n{nodes}-r{rate:g}", f"{nodes} nodes, {rate:g}/s, {arrivals}",
                       mix.trace, nodes, rate, POLICIES, (*mix.extra, *extra), **more)

    return [
        cell(4, 1.5, "Poisson", ()), cell(4, 3, "Mooncake", files["Mooncake"]),
        cell(4, 7, "bursts", bursts), cell(8, 1.5, "bursts", bursts),
        cell(8, 3, "Azure", files["Azure"]), cell(8, 7, "Poisson", ()),
        cell(16, 1.5, "Mooncake", files["Mooncake"]), cell(16, 3, "bursts", bursts),
        cell(16, 7, "Poisson", ()), cell(32, 3, "Poisson", ()), cell(32, 7, "Azure", files["Azure"]),
    ]


def objectives(setting):
    """The same cell with residency alone, under each objective that is not the default."""
    return {name: replace(setting, group="objectives", name=f"{setting.name}-{name}",
                          policies=("residency",),
                          extra=(*setting.extra, "--objective", name)) for name in OBJECTIVES}


def with_objectives(cell, others):
    """The cell with residency_median and residency_tail; `others`: their cells, by objective."""
    results = dict(cell.results)
    for name, other in others.items():
        results[f"residency_{name}"] = {seed: other.results["residency"][seed]
                                        for seed in cell.seeds}
    return Cell(results)
