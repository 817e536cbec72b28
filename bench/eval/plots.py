"""The plots of docs/evaluation, as SVG."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the back end must be chosen first)

from changes import grid_change
from tables import HEADS, OBJECTIVES, shown_objectives

# Equal runs shall write equal files.
plt.rcParams.update({
    "svg.hashsalt": "eldr", "svg.fonttype": "path", "font.size": 9, "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "y", "grid.alpha": 0.3,
    "axes.axisbelow": True, "figure.facecolor": "white"
})
POLICIES = ("domain", "locality_band", "locality_band_online", "residency", "residency_oracle")
COLOURS = dict(zip(POLICIES, ("#b8a038", "#5fa8d3", "#1b6ca8", "#c8452d", "#777777")))
HIGHEST = 20  # percent
LOADS = ("least_loaded",) + POLICIES[1:]


def _save(figure, path):
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def grid_plot(titles, grids, path):
    """A panel per trace: the grid mean of each policy and statistic, with its interval."""
    figure, axes = plt.subplots(1, len(grids), figsize=(5 * len(grids), 3.4), sharey=True,
                                squeeze=False)
    width = 0.8 / len(POLICIES)
    for axis, title, cells in zip(axes[0], titles, grids):
        for index, policy in enumerate(POLICIES):
            changes = [grid_change(cells, policy, statistic) for statistic in HEADS]
            errors = [change.half if change.half != float("inf") else 0 for change in changes]
            axis.bar([x + (index - 2) * width for x in range(len(HEADS))],
                     [change.mean for change in changes], width, yerr=errors, capsize=2,
                     error_kw={"linewidth": 0.8}, label=policy, color=COLOURS[policy])
        axis.axhline(0, color="black", linewidth=0.8)
        # What lies above is bad enough to be cut off.
        low, high = axis.get_ylim()
        axis.set_ylim(max(low, -HIGHEST), min(high, HIGHEST))
        axis.set_xticks(range(len(HEADS)), HEADS.values())
        axis.set_title(title)
    axes[0][0].set_ylabel("change against the best balancer, %")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncol=5,
                  frameon=False)
    _save(figure, path)


def cells_plot(title, settings, cells, path):
    """A panel for P50 and one for P99: each cell's change with its interval."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=False)
    shown = POLICIES[1:]
    for axis, statistic in zip(axes, ("p50", "p99")):
        for index, policy in enumerate(shown):
            changes = [cell.change(policy, statistic) for cell in cells]
            axis.errorbar([x + (index - 1.5) * 0.17 for x in range(len(cells))],
                          [change.mean for change in changes],
                          yerr=[change.half if change.half != float("inf") else 0
                                for change in changes],
                          fmt="o", markersize=4, capsize=2, linewidth=1, label=policy,
                          color=COLOURS[policy])
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_xticks(range(len(cells)),
                        [f"{setting.nodes}\n{setting.rate_per_node:g}" for setting in settings])
        axis.set_xlabel("nodes, and requests per second per node")
        axis.set_title(f"{title}: {HEADS[statistic]}")
    axes[0].set_ylabel("change against the best balancer, %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.04), ncol=4,
                  frameon=False)
    _save(figure, path)


def trade_off_plot(panels, path):
    """What each objective gains at P50 and at P99: a panel per trace, means over its cells."""
    columns = 5
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.6 * columns, 2.6 * rows), squeeze=False)
    styles = dict(zip([policy for policy, _ in OBJECTIVES],
                      (("s", COLOURS["locality_band_online"]), ("o", "#e9a08f"),
                       ("o", COLOURS["residency"]), ("o", "#7a1f12"), ("x", "#777777"))))
    for axis, (title, cells) in zip(axes.flat, panels):
        shown = shown_objectives(cells)
        points = {policy: [grid_change(cells, policy, s).mean for s in ("p50", "p99")]
                  for policy, _ in shown}
        chain = ("residency_median", "residency", "residency_tail")
        axis.plot(*zip(*(points[policy] for policy in chain)), color="#c8452d", linewidth=0.8)
        for policy, label in shown:
            marker, colour = styles[policy]
            axis.plot(*points[policy], marker, color=colour, markersize=5, label=label)
        axis.axhline(0, color="black", linewidth=0.6)
        axis.margins(0.15)
        axis.set_title(title, fontsize=8)
        axis.tick_params(labelsize=7)
    for axis in axes.flat[len(panels):]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("P99, %")
    for axis in axes[-1]:
        axis.set_xlabel("P50, %")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.01), ncol=5,
                  frameon=False)
    _save(figure, path)


def load_plot(title, settings, cells, path):
    """Time per output token over load at the largest fleet: median, and P99 dashed."""
    most = max(setting.nodes for setting in settings)
    picked = [(setting, cell) for setting, cell in zip(settings, cells) if setting.nodes == most]
    figure, axis = plt.subplots(figsize=(5.5, 3.4))
    rates = [setting.rate_per_node for setting, _ in picked]
    for policy in LOADS:
        colour = COLOURS.get(policy, "black")
        for statistic, style in (("p50", "-"), ("p99", "--")):
            axis.plot(rates, [cell.time(policy, statistic) for _, cell in picked], style,
                      marker="o", markersize=3, color=colour,
                      label=policy if statistic == "p50" else None)
    axis.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axis.set_xlabel(f"requests per second per node, {most} nodes")
    axis.set_ylabel("ms per output token")
    axis.set_title(f"{title}: P50 (solid), P99 (dashed)")
    axis.legend(frameon=False, fontsize=8)
    _save(figure, path)
