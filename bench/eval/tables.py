"""The tables of docs/evaluation.md, as Markdown."""

from changes import BALANCERS, STATISTICS, grid_change, mean
from settings import ALL

BANDS = ("locality_band", "locality_band_online")
# What is compared where objectives are.
OBJECTIVES = (("locality_band_online", "locality_band_online"),
              ("residency_median", "residency, median"),
              ("residency", "residency, balanced"),
              ("residency_tail", "residency, tail"),
              ("residency_oracle", "residency_oracle"))
HEADS = {"p50": "P50", "p95": "P95", "p99": "P99", "mean": "mean"}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def percent(change):
    """'-9.2 ± 0.3', in percent; without an interval where one seed gives none."""
    if change.half == float("inf"):
        return f"{change.mean:+.1f}"
    return f"{change.mean:+.1f} ± {change.half:.1f}"


def live_requests(cell, setting):
    """Little's law: arrivals per second times the mean time from arrival to end."""
    def of(result):
        return setting.rate * result["tpot_ms"]["mean"] * 256 / 1000
    return mean(cell.values("residency", of))


def pool(cell):
    return min(cell.values("residency", lambda result: result["pool_requests"]))


def is_headline(cell, setting):
    return live_requests(cell, setting) <= pool(cell)


def grid_table(cells):
    """Mean over the cells of each policy's change against the best balancer."""
    oracle = [grid_change(cells, "residency_oracle", statistic).mean for statistic in STATISTICS]
    rows = []
    for policy in [name for name in ALL if name in cells[0].policies]:
        changes = [grid_change(cells, policy, statistic) for statistic in STATISTICS]
        shares = ["-", "-"]
        if policy not in BALANCERS:
            shares = [f"{100 * changes[i].mean / oracle[i]:.0f} %" for i in (0, 3)]
        rows.append([policy, *map(percent, changes), *shares])
    return table(["policy", *(f"{HEADS[s]}, %" for s in STATISTICS), "of the oracle's gain, P50",
                  "mean"], rows)


def cell_tables(settings, cells):
    """For each cell the times of the best balancer and the changes against them."""
    policies = ["domain", *BANDS, "residency", "residency_oracle"]
    parts = []
    for statistic in STATISTICS:
        rows = []
        for setting, cell in zip(settings, cells):
            best = cell.best_balancer(statistic)
            rows.append([setting.title, f"{cell.time(best, statistic):.2f} ({best})",
                         *(percent(cell.change(policy, statistic)) for policy in policies)])
        parts.append(f"{HEADS[statistic]}, change in %:\n\n" + table(
            ["cell", "best balancer, ms", *policies], rows))
    return "\n\n".join(parts)


def copies_table(settings, cells):
    rows = []
    for setting, cell in zip(settings, cells):
        def average(key, name="residency"):
            return mean(cell.values(name, lambda result: result[key]))
        rows.append([
            setting.title, f"{pool(cell)}", f"{live_requests(cell, setting):.0f}",
            f"{average('mean_live_copies'):.2f}", f"{average('mean_batch_copies'):.2f}",
            f"{average('mean_batch_copies', 'least_loaded'):.2f}",
            f"{min(cell.values('residency', lambda result: result['requests']))}",
            "yes" if is_headline(cell, setting) else "no",
        ])
    return table(["cell", "pool", "live requests", "live copies, fleet", "in a batch, residency",
                  "in a batch, least_loaded", "measured, least of a seed", "headline"], rows)


def experts_table(settings, cells):
    policies = ["least_loaded", *BANDS, "residency", "residency_oracle"]
    rows = []
    for setting, cell in zip(settings, cells):
        rows.append([setting.title] + [
            "{:.1f} / {:.1f}".format(
                *(mean(cell.values(policy, lambda result, key=key: result[key]))
                  for key in ("distinct_experts_per_layer", "load_spread")))
            for policy in policies
        ])
    return table(["cell", *policies], rows)


def domain_table(cell):
    """Who pays: the change of the mean of each domain against least_loaded."""
    seeds, results = cell.seeds, cell.results
    policies = [*BANDS, "residency"]
    rows = []
    for domain in sorted(results["residency"][seeds[0]]["domains"]):
        def times(policy):
            return [results[policy][seed]["domains"].get(domain, {}).get("tpot_ms", {}).get("mean")
                    for seed in seeds]
        base = times("least_loaded")
        row = [domain]
        for policy in policies:
            pairs = [(x, b) for x, b in zip(times(policy), base) if x and b]
            row.append(f"{mean([100 * (x / b - 1) for x, b in pairs]):+.1f}" if pairs else "-")
        rows.append(row)
    return table(["domain", *(f"{policy}, %" for policy in policies)], rows)


def robustness_table(settings, cells):
    policies = [*BANDS, "residency", "residency_oracle"]
    rows = []
    for setting, cell in zip(settings, cells):
        rows.append([setting.title] + [
            " / ".join(f"{cell.change(policy, s).mean:+.1f}" for s in STATISTICS)
            for policy in policies
        ] + [f"± {cell.change('residency', 'p50').half:.1f} / "
             f"{cell.change('residency', 'p99').half:.1f}"])
    return table(["setting", *policies, "interval of residency, P50 / P99"], rows)


def shown_objectives(cells):
    return [item for item in OBJECTIVES if item[0] in cells[0].policies]


def objectives_table(cells, is_over):
    """Bands, residency under each objective, and the oracle; `is_over`: of a change of a tail."""
    rows = []
    for policy, title in shown_objectives(cells):
        changes = [grid_change(cells, policy, statistic) for statistic in STATISTICS]
        tails = {s: [cell.change(policy, s) for cell in cells] for s in ("p95", "p99")}
        over = sum(any(is_over(tails[s][i]) for s in tails) for i in range(len(cells)))
        rows.append([title, *map(percent, changes),
                     *(f"{max(change.mean for change in tails[s]):+.1f}" for s in tails),
                     f"{over} of {len(cells)}"])
    return table(["policy", *(f"{HEADS[s]}, %" for s in STATISTICS), "worst P95", "worst P99",
                  "cells over"], rows)


def tails_table(settings, cells):
    """P99 of each cell, and its mean, under each objective."""
    rows = []
    for setting, cell in zip(settings, cells):
        best = cell.best_balancer("p99")
        rows.append([setting.title, f"{cell.time(best, 'p99'):.2f} ({best})"] + [
            f"{percent(cell.change(policy, 'p99'))} / {cell.change(policy, 'mean').mean:+.1f}"
            for policy, _ in shown_objectives(cells)
        ])
    return table(["cell", "best balancer's P99, ms",
                  *(title for _, title in shown_objectives(cells))], rows)


def ablation_table(rows):
    """`rows`: a title and the cells of each variant."""
    return table(["setting", *(f"{HEADS[s]}, %" for s in STATISTICS)],
                 [[title, *(percent(grid_change(cells, "residency", s)) for s in STATISTICS)]
                  for title, cells in rows])


def balancers_named():
    return ", ".join(f"`{name}`" for name in BALANCERS)
