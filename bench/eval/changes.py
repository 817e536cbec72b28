"""Changes against the best balancer, paired per seed, and their intervals.

Seeds differ far more than policies do, so nothing is compared across seeds: a change is always that
of one seed's run against another run on the same requests and arrivals.
"""

import math

BALANCERS = ("round_robin", "random", "least_loaded", "power_of_two")
STATISTICS = ("p50", "p95", "p99", "mean")

# Two-sided 95 % points of Student's t, by degrees of freedom from 1; beyond the list, the normal's.
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086)


def mean(values):
    return math.fsum(values) / len(values)


def half_width(values):
    """Half of the 95 % interval of the mean; infinite for fewer than two values."""
    n = len(values)
    if n < 2:
        return math.inf
    centre = mean(values)
    variance = math.fsum((value - centre) ** 2 for value in values) / (n - 1)
    t95 = _T95[n - 2] if n - 2 < len(_T95) else 1.96
    return t95 * math.sqrt(variance / n)


class Change:
    """A change in percent, one value per seed."""

    def __init__(self, per_seed):
        self.per_seed = list(per_seed)
        self.mean = mean(self.per_seed)
        self.half = half_width(self.per_seed)

    @property
    def low(self):
        return self.mean - self.half

    @property
    def high(self):
        return self.mean + self.half


class Cell:
    """All runs of one setting: results[policy][seed] is an element of eldr-sim's `results`."""

    def __init__(self, results):
        self.results = results

    @property
    def policies(self):
        return list(self.results)

    @property
    def seeds(self):
        return sorted(next(iter(self.results.values())))

    def beside(self, other):
        """Its policies together with those of `other` that it lacks, on the seeds of both."""
        return Cell({**other.results, **self.results})

    def values(self, policy, read):
        return [read(self.results[policy][seed]) for seed in self.seeds]

    def time(self, policy, statistic):
        """Mean over seeds of time per output token, in ms."""
        return mean(self.values(policy, lambda result: result["tpot_ms"][statistic]))

    def best_balancer(self, statistic):
        """The balancer with the least mean over seeds; chosen for each statistic anew."""
        present = [policy for policy in BALANCERS if policy in self.results]
        return min(present, key=lambda policy: self.time(policy, statistic))

    def change(self, policy, statistic):
        """Against the best balancer, in percent; below 0 is faster."""
        base = self.values(self.best_balancer(statistic), lambda r: r["tpot_ms"][statistic])
        own = self.values(policy, lambda r: r["tpot_ms"][statistic])
        return Change(100 * (x / b - 1) for x, b in zip(own, base))


def grid_change(cells, policy, statistic):
    """Mean over cells: per seed first, so that its interval is over seeds."""
    per_cell = [cell.change(policy, statistic).per_seed for cell in cells]
    return Change(mean(values) for values in zip(*per_cell))
