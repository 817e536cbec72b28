"""The goals, and whether the numbers reach them."""

from changes import grid_change
from tables import BANDS, percent, table

MEAN_SHARE = 90  # percent of the oracle's gain in the mean
MEDIAN_FACTOR_REAL = 1.3
MEDIAN_FACTOR_SYNTHETIC = 1.0
TAIL_INTERVAL = 0.5  # percent: no interval may lie wholly above
TAIL_MEAN = 1.5  # percent: no cell's mean may be above


def share_of_oracle(cells):
    own = grid_change(cells, "residency", "mean").mean
    return 100 * own / grid_change(cells, "residency_oracle", "mean").mean


def median_factor(cells):
    """residency's gain in the median as a multiple of the better band's."""
    band = max(-grid_change(cells, policy, "p50").mean for policy in BANDS)
    own = -grid_change(cells, "residency", "p50").mean
    # A band that gains nothing is beaten by any gain.
    return own / band if band > 0 else float("inf") if own > 0 else float("-inf")


def band_misses(settings, cells):
    """Cells in which the better band's mean is the better one, and by how many points."""
    misses = []
    for setting, cell in zip(settings, cells):
        band = min(cell.change(policy, "mean").mean for policy in BANDS)
        behind = cell.change("residency", "mean").mean - band
        if behind > 0:
            misses.append((behind, setting.title))
    return sorted(misses, reverse=True)


def is_over(change):
    return change.low > TAIL_INTERVAL or change.mean > TAIL_MEAN


def tail_misses(settings, cells, statistic):
    misses = []
    for setting, cell in zip(settings, cells):
        change = cell.change("residency", statistic)
        if is_over(change):
            misses.append(f"{setting.title} ({percent(change)})")
    return misses


def worst(settings, cells, statistic):
    pairs = [(cell.change("residency", statistic), setting) for setting, cell in
             zip(settings, cells)]
    change, setting = max(pairs, key=lambda pair: pair[0].mean)
    return f"worst cell {percent(change)} % at {setting.title}"


def goal_rows(trace, synthetic, settings, cells):
    share = share_of_oracle(cells)
    factor = median_factor(cells)
    least = MEDIAN_FACTOR_SYNTHETIC if synthetic else MEDIAN_FACTOR_REAL
    rows = [
        [trace, "mean: share of the oracle's gain", f">= {MEAN_SHARE} %", f"{share:.1f} %",
         holds(share >= MEAN_SHARE)],
        [trace, "median: gain as a multiple of the better locality band's", f">= {least:g}",
         f"{factor:.2f}", holds(factor >= least)],
    ]
    behind = band_misses(settings, cells)
    value = f"{len(cells) - len(behind)} of {len(cells)} cells"
    if behind:
        value += f"; the most behind is {behind[0][1]}, by {behind[0][0]:.1f} points"
    rows.append([trace, "mean: at least the better locality band's in every cell", "all cells",
                 value, holds(not behind)])
    for statistic in ("p95", "p99"):
        misses = tail_misses(settings, cells, statistic)
        value = worst(settings, cells, statistic)
        if misses:
            value += "; missed at " + ", ".join(misses)
        rows.append([
            trace, f"{statistic.upper()} in every cell",
            f"interval not wholly above +{TAIL_INTERVAL} %, mean at most +{TAIL_MEAN} %", value,
            holds(not misses)
        ])
    return rows


def holds(yes):
    return "yes" if yes else "**no**"


def goals_table(rows):
    return table(["trace", "goal", "target", "value", "holds"], rows)
