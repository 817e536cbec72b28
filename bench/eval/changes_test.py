#!/usr/bin/python3
import math
import unittest

from changes import Cell, Change, grid_change, half_width


def cell(**times):
    """times[policy] is a list: the mean time of each seed."""
    return Cell({
        policy: {seed: {"tpot_ms": {"mean": value}} for seed, value in enumerate(values)}
        for policy, values in times.items()
    })


class ChangesTest(unittest.TestCase):

    def test_interval_is_that_of_student(self):
        # Standard deviation 1, n 4: 3.182 / 2.
        self.assertAlmostEqual(half_width([9, 11, 10 - math.sqrt(0.5), 10 + math.sqrt(0.5)]), 1.591)

    def test_one_seed_has_no_interval(self):
        self.assertEqual(half_width([3.0]), math.inf)

    def test_change_is_paired_per_seed(self):
        # Seeds differ by half, the policy by a tenth in each: no spread is left.
        change = cell(least_loaded=[10, 20], residency=[9, 18]).change("residency", "mean")
        self.assertAlmostEqual(change.mean, -10)
        self.assertAlmostEqual(change.half, 0)

    def test_best_balancer_is_the_one_with_the_least_mean(self):
        one = cell(least_loaded=[10, 12], random=[9, 14], residency=[1, 1])
        self.assertEqual(one.best_balancer("mean"), "least_loaded")

    def test_grid_interval_is_over_seeds(self):
        cells = [
            cell(random=[10, 10], residency=[9, 8]),
            cell(random=[10, 10], residency=[10, 9]),
        ]
        self.assertEqual([round(value, 9) for value in grid_change(cells, "residency",
                                                                   "mean").per_seed], [-5, -15])

    def test_ends_of_an_interval(self):
        change = Change([1, 3])
        self.assertAlmostEqual(change.high - change.mean, change.mean - change.low)


if __name__ == "__main__":
    unittest.main()
