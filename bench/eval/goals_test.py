#!/usr/bin/python3
import unittest

from changes import Cell
from goals import band_misses, goal_rows, median_factor, share_of_oracle, tail_misses
from settings import Setting, Trace

TRACE = Trace("t", "a trace", "folder", synthetic=False, cost=1)


def cell(policies, seeds=8):
    """policies[name]: time of every statistic, or a function of the seed."""

    def result(value, seed):
        time = value(seed) if callable(value) else value
        return {"tpot_ms": {statistic: time for statistic in ("p50", "p95", "p99", "mean")}}

    return Cell({name: {seed: result(value, seed) for seed in range(seeds)}
                 for name, value in policies.items()})


def compared(residency, **more):
    return cell({"least_loaded": 100, "locality_band": 95, "locality_band_online": 94,
                 "residency": residency, "residency_oracle": 90, **more})


def misses(residency):
    setting = Setting("grid", "one", "one cell", TRACE)
    return tail_misses([setting], [compared(residency)], "p99")


class GoalsTest(unittest.TestCase):

    def test_share_is_of_the_gains(self):
        self.assertAlmostEqual(share_of_oracle([compared(91)]), 90)

    def test_factor_is_against_the_better_band(self):
        self.assertAlmostEqual(median_factor([compared(91)]), 1.5)

    def test_a_cell_behind_the_better_band_is_named_with_its_points(self):
        setting = Setting("grid", "one", "one cell", TRACE)
        self.assertEqual(band_misses([setting], [compared(93)]), [])
        [(behind, title)] = band_misses([setting], [compared(95)])
        self.assertAlmostEqual(behind, 1)
        self.assertEqual(title, "one cell")

    def test_a_band_that_loses_is_beaten_by_any_gain(self):
        one = compared(99, locality_band=101, locality_band_online=102)
        self.assertEqual(median_factor([one]), float("inf"))

    def test_a_tail_misses_by_its_mean(self):
        self.assertEqual(len(misses(101.6)), 1)
        self.assertEqual(misses(99), [])

    def test_a_tail_misses_by_an_interval_that_lies_above(self):
        self.assertEqual(len(misses(101)), 1)

    def test_a_wide_interval_is_no_miss(self):
        self.assertEqual(misses(lambda seed: 101 + (seed % 2 * 4 - 2)), [])

    def test_each_goal_is_a_row(self):
        setting = Setting("grid", "one", "one cell", TRACE)
        rows = goal_rows("t", False, [setting], [compared(90.5)])
        self.assertEqual([row[-1] for row in rows], ["yes"] * 5)
        rows = goal_rows("t", False, [setting], [compared(94)])
        self.assertEqual([row[-1] for row in rows], ["**no**", "**no**", "yes", "yes", "yes"])
        rows = goal_rows("t", False, [setting], [compared(94.5)])
        self.assertEqual(rows[2][-2:], ["0 of 1 cells; the most behind is one cell, by 0.5 points",
                                        "**no**"])


if __name__ == "__main__":
    unittest.main()
