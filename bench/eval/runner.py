"""Runs settings on all cores; keeps each result, so that an interrupted evaluation goes on."""

import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed


class Runner:
    """Results are kept in `folder`, a file per setting and seed, with a key of what made them: the
    program, the trace and the arguments. A file with another key is made again."""

    def __init__(self, simulator, folder, jobs):
        self._simulator = simulator
        self._folder = folder
        self._jobs = jobs
        self._digests = {}

    def run(self, settings, seeds):
        """Runs what is missing. Raises RuntimeError with what the simulator said if it fails."""
        missing = [(setting, seed) for setting in settings for seed in seeds
                   if self._load(setting, seed) is None]
        total = sum(setting.cost for setting, _ in missing)
        kept = len(settings) * len(seeds) - len(missing)
        print(f"{len(missing)} runs to do, {kept} kept", file=sys.stderr)
        done, count, started = 0.0, 0, time.monotonic()
        # Long ones first, so that no core idles at the end.
        missing.sort(key=lambda item: -item[0].cost)
        with ThreadPoolExecutor(self._jobs) as pool:
            futures = {pool.submit(self._run_one, *item): item[0] for item in missing}
            try:
                for future in as_completed(futures):
                    future.result()
                    done += futures[future].cost
                    count += 1
                    elapsed = time.monotonic() - started
                    self._show(count, len(missing), elapsed, elapsed * (total - done) / done)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        if missing and sys.stderr.isatty():
            print(file=sys.stderr)

    def results(self, setting, seeds):
        """results[policy][seed], and the configuration that eldr-sim reports."""
        results, config = {}, None
        for seed in seeds:
            output = self._load(setting, seed)
            config = config or output["config"]
            for result in output["results"]:
                results.setdefault(result["policy"], {})[seed] = result
        return results, config

    def _path(self, setting, seed):
        return f"{self._folder}/{setting.path}-s{seed}.json"

    def _digest(self, path):
        if path not in self._digests:
            with open(path, "rb") as file:
                self._digests[path] = hashlib.sha256(file.read()).hexdigest()
        return self._digests[path]

    def _key(self, setting, seed):
        # Files that the arguments name, and not only their names.
        named = [item for item in setting.extra if os.path.isfile(item)]
        files = [self._simulator, f"{setting.trace.folder}/routed_experts.npy",
                 f"{setting.trace.folder}/requests.csv", *named]
        return [*map(self._digest, files), *setting.arguments(seed)]

    def _load(self, setting, seed):
        try:
            with open(self._path(setting, seed), encoding="utf-8") as file:
                kept = json.load(file)
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return kept["output"] if kept["key"] == self._key(setting, seed) else None

    def _run_one(self, setting, seed):
        command = [self._simulator, *setting.arguments(seed), "--threads", "1"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{run.stderr.strip()}")
        path = self._path(setting, seed)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump({"key": self._key(setting, seed), "output": json.loads(run.stdout)}, file)
        os.replace(path + ".part", path)

    @staticmethod
    def _show(count, total, elapsed, left):
        line = f"{count} of {total} runs, {elapsed / 60:.1f} min, about {left / 60:.1f} min left"
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif count * 20 // total != (count - 1) * 20 // total:
            print(line, file=sys.stderr, flush=True)
