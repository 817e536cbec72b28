"""Fills template.md with what was measured."""

import datetime
import os
import platform
import re

import plots
import tables
from goals import goal_rows, goals_table, is_over
from mixes import SEEDS, with_objectives
from settings import WARMUP_SECONDS, grid


def machine():
    """Kind and number of processors; nothing that names a host."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    if found:
        model = found.group(1)
    return f"{os.cpu_count()} x {model}"


class Document:
    """`cell_of` gives the Cell of a setting, `config_of` the configuration it ran with; `mixed` the
    settings of each mix's trace, `objectives` those of a setting under other objectives."""

    def __init__(self, traces, cell_of, config_of, robust, variants, mixed, objectives):
        self._traces = traces
        self._cell_of = cell_of
        self._config_of = config_of
        self._robust = robust
        self._variants = variants
        self._mixed = mixed
        self._objectives = objectives
        self._grids = {trace.name: grid(trace) for trace in traces}

    def write(self, template, path, plot_folder, facts):
        os.makedirs(plot_folder, exist_ok=True)
        values = {**facts, **self._tables()}
        values["cell_plots"] = self._plots(plot_folder)
        values["mixes"] = self._mixes()
        values["objectives"] = self._objectives_of_grids(plot_folder)
        with open(template, encoding="utf-8") as file:
            text = re.sub(r"\{\{(\w+)\}\}", lambda match: values[match.group(1)], file.read())
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _cells(self, settings):
        return [self._cell_of(setting) for setting in settings]

    def _per_trace(self, make):
        return "\n\n".join(f"### {trace.title}\n\n{make(trace)}" for trace in self._traces)

    def _tables(self):
        goals, grids, trace_rows = [], {}, []
        for trace in self._traces:
            settings = self._grids[trace.name]
            grids[trace.name] = (settings, self._cells(settings))
            goals += goal_rows(trace.name, trace.synthetic, *grids[trace.name])
            trace_rows.append(self._trace_row(trace, *grids[trace.name]))
        for trace, settings in self._mixed.items():
            cells = self._cells(settings)
            goals += goal_rows(trace.name, True, settings, cells)
            trace_rows.append(self._trace_row(trace, settings, cells))
        first = self._traces[0].name
        parameters = self._config_of(grids[first][0][0])["parameters"]
        return {
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "warmup": str(WARMUP_SECONDS),
            "balancers": tables.balancers_named(),
            "mix_seeds": str(SEEDS),
            "traces": "\n".join(trace_rows),
            "goals": goals_table(goals),
            "cells": str(len(grids[first][0])),
            "grid": self._per_trace(lambda trace: tables.grid_table(grids[trace.name][1])),
            "copies": self._per_trace(lambda trace: tables.copies_table(*grids[trace.name])),
            "headline": self._per_trace(lambda trace: self._headline(*grids[trace.name])),
            "cells_by_statistic": self._per_trace(
                lambda trace: tables.cell_tables(*grids[trace.name])),
            "experts": self._per_trace(lambda trace: tables.experts_table(*grids[trace.name])),
            "domains": self._per_trace(
                lambda trace: tables.domain_table(self._cell_of(_middle(grids[trace.name][0])))),
            "robustness": self._robustness(),
            "ablation": self._ablation(grids[first]),
            **{f"default_{name}": f"{parameters[name]:g}" for name in ("w", "kappa", "n0")},
        }

    def _trace_row(self, trace, settings, cells):
        config = self._config_of(settings[0])
        shape = config["geometry"]
        geometry = f"{shape['layers']} x {shape['experts']}, top-{shape['top_k']}"
        return f"| {trace.name} | {trace.title} | {geometry} | {tables.pool(cells[0])} |"

    def _headline(self, settings, cells):
        kept = [(setting, cell) for setting, cell in zip(settings, cells)
                if tables.is_headline(cell, setting)]
        if not kept:
            return "None."
        named = "; ".join(setting.title for setting, _ in kept)
        return f"{len(kept)} cells: {named}.\n\n" + tables.grid_table([cell for _, cell in kept])

    def _compared(self, settings):
        return [with_objectives(self._cell_of(setting),
                                {name: self._cell_of(other)
                                 for name, other in self._objectives[setting].items()})
                for setting in settings]

    def _mixes(self):
        if not self._mixed:
            return "Not run."
        compared = {trace: self._compared(settings) for trace, settings in self._mixed.items()}
        every = [cell for cells in compared.values() for cell in cells]
        parts = [f"All {len(every)} cells:\n\n" + tables.objectives_table(every, is_over)]
        for trace, cells in compared.items():
            parts.append(f"### {trace.name}: {trace.title}\n\n" +
                         tables.objectives_table(cells, is_over) +
                         "\n\nP99 with its interval / mean, change in %:\n\n" +
                         tables.tails_table(self._mixed[trace], cells))
        return "\n\n".join(parts)

    def _objectives_of_grids(self, folder):
        compared = {trace: self._compared(self._grids[trace.name]) for trace in self._traces}
        panels = [(trace.name, cells) for trace, cells in compared.items()]
        panels += [(trace.name, self._compared(settings))
                   for trace, settings in self._mixed.items()]
        plots.trade_off_plot(panels, f"{folder}/objectives.svg")
        return self._per_trace(
            lambda trace: tables.objectives_table(compared[trace], is_over) +
            "\n\nP99 with its interval / mean, change in %:\n\n" +
            tables.tails_table(self._grids[trace.name], compared[trace]))

    def _robustness(self):
        return "\n\n".join(
            f"### {trace.title}\n\n" +
            tables.robustness_table(settings, self._cells(settings))
            for trace in self._traces if (settings := self._robust.get(trace.name)))

    def _ablation(self, first_grid):
        base = {setting.rate_per_node: cell for setting, cell in zip(*first_grid)
                if setting.nodes == 8}
        rows = [("as by default", list(base.values()))]
        for settings in self._variants:
            # The balancers of the grid ran on the same requests and arrivals.
            cells = [self._cell_of(setting).beside(base[setting.rate_per_node])
                     for setting in settings]
            rows.append((settings[0].title, cells))
        return tables.ablation_table(rows)

    def _plots(self, folder):
        cells = {trace.name: self._cells(self._grids[trace.name]) for trace in self._traces}
        plots.grid_plot([trace.title for trace in self._traces], list(cells.values()),
                        f"{folder}/grid.svg")
        links = []
        for trace in self._traces:
            settings = self._grids[trace.name]
            plots.cells_plot(trace.title, settings, cells[trace.name],
                             f"{folder}/cells-{trace.name}.svg")
            plots.load_plot(trace.title, settings, cells[trace.name],
                            f"{folder}/load-{trace.name}.svg")
            links.append(f"![Each cell, {trace.title}](evaluation/cells-{trace.name}.svg)\n\n"
                         f"![Time over load, {trace.title}](evaluation/load-{trace.name}.svg)")
        return "\n\n".join(links)


def _middle(settings):
    return next(setting for setting in settings
                if setting.nodes == 8 and setting.rate_per_node == 3)
