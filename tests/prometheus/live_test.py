#!/usr/bin/env python3
"""Runs what deploy/prometheus and deploy/grafana ask against a real Prometheus that scrapes a real
eldrd under load: every query of the dashboard and every recording rule must answer with numbers.

  live_test.py PROMETHEUS ELDRD ELDRCTL ELDR_LOADGEN
"""

import json
import math
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = time.monotonic() + 100
WINDOW = "10s"  # of rates, at a scrape per second

EXPECTED_ALERTS = {"EldrCertificateEnding"}  # pending: the test's certificate ends in two days

CONFIG = """
grpc: {{listen: ["unix:{work}/socket", "127.0.0.1:0"]}}
http: {{listen: "127.0.0.1:0"}}
tls: {{certificate: {work}/certificate, key: {work}/key}}
state_dir: {work}/state
event_log: {{directory: {work}/events}}
default_policy: {{shadow_policy: least_loaded}}
shutdown_delay: 0s
"""


def wait_for(what, condition):
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > DEADLINE:
            sys.exit(f"live_test: not in time: {what}")
        time.sleep(0.1)


class Stand:
    """The processes, gone with it."""

    def __init__(self, work, prometheus, eldrd, eldrctl, loadgen):
        self.work, self.eldrctl, self.processes = work, eldrctl, []
        self.target = f"unix:{work}/socket"
        self.start_daemon(eldrd)
        self.start_load(loadgen)
        self.start_prometheus(prometheus)

    def run(self, name, *command):
        with open(self.work / f"{name}.log", "ab") as log:
            process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
        self.processes.append((name, process))

    def ctl(self, *arguments):
        return subprocess.run([self.eldrctl, "--target", self.target, *arguments],
                              capture_output=True, check=False).returncode

    def start_daemon(self, eldrd):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=e",
                        "-keyout", self.work / "key", "-out", self.work / "certificate"],
                       check=True, capture_output=True)
        (self.work / "eldrd.yaml").write_text(CONFIG.format(work=self.work))
        ports = self.work / "ports"
        self.run("eldrd", eldrd, "--config", self.work / "eldrd.yaml", "--port-file", ports)
        wait_for("eldrd listens", lambda: self.all_live() and ports.exists())
        self.http = re.search(r"^http=(.*)$", ports.read_text(), re.M).group(1)

    def start_load(self, loadgen):
        # Its own nodes report nothing; one more reports all that an engine can.
        self.run("loadgen", loadgen, "--target", self.target, "--nodes", 4, "--rate", 100,
                 "--signatures", "pushed", "--layers", 8, "--experts", 32, "--top-k", 4,
                 "--duration", "10m", "--warmup", "0s")
        register = ("nodes", "register", "reporting", "--model", "loadgen", "--address", "r:1",
                    "--heartbeat-interval", "1s")
        wait_for("the model is declared", lambda: self.ctl(*register) == 0)
        # A heartbeat after the other, since each tells of steps anew.
        self.run("node", "sh", "-c", 'while "$@"; do sleep 1; done', "sh", self.eldrctl,
                 "--target", self.target, "nodes", "heartbeat", "reporting",
                 "--running", 3, "--kv-usage", 0.4, "--steps", "4:50:0.9s:3")

    def start_prometheus(self, prometheus):
        for name in ("recording.yml", "alerts.yml"):
            shutil.copy(ROOT / "deploy/prometheus" / name, self.work)
        config = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
        config = config.replace("127.0.0.1:9090", self.http).replace("15s", "1s")
        (self.work / "prometheus.yml").write_text(config)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{address}"
        self.run("prometheus", prometheus, f"--config.file={self.work}/prometheus.yml",
                 f"--storage.tsdb.path={self.work}/data", f"--web.listen-address={address}")
        wait_for("Prometheus answers", lambda: self.all_live() and self.get("status/config"))

    def all_live(self):
        for name, process in self.processes:
            if process.poll() is not None:
                sys.exit(f"live_test: {name} ended: {(self.work / f'{name}.log').read_text()[-2000:]}")
        return True

    def get(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return None  # it still reads what it has on disk
            sys.exit(f"live_test: {parameters or path}: {error.read().decode()}")
        except OSError:
            return None  # it does not listen yet

    def has_numbers(self, query):
        """Whether a query answers at least one sample, and no sample is without a number."""
        samples = (self.get("query", query=query) or {}).get("result")
        return bool(samples) and all(math.isfinite(float(s["value"][1])) for s in samples)

    def stop(self):
        for _, process in reversed(self.processes):
            process.kill()
            process.wait()


def dashboard_queries(dashboard):
    """All queries of panels, with the variables that Grafana would fill in."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", WINDOW)
            query = query.replace("$instance", ".*").replace("$model", "loadgen")
            if "$" in query:
                sys.exit(f"live_test: unknown variable in {query}")
            yield f"panel \"{panel['title']}\" {target['refId']}", query


def recorded_names(stand):
    for group in stand.get("rules")["groups"]:
        for rule in group["rules"]:
            if rule["health"] == "err":
                sys.exit(f"live_test: rule {rule['name']}: {rule['lastError']}")
            if rule["type"] == "recording":
                yield f"rule {rule['name']}", rule["name"]


def check_layout(dashboard):
    """What Grafana would take without a word and show wrongly."""
    panels, taken = dashboard["panels"], set()
    if len({panel["id"] for panel in panels}) != len(panels):
        sys.exit("live_test: two panels have the same id")
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken or place["x"] + place["w"] > 24:
            sys.exit(f"live_test: panel \"{panel['title']}\" lies over another or outside")
        taken |= cells
        if panel["type"] != "row" and not (panel["description"] and panel["targets"]):
            sys.exit(f"live_test: panel \"{panel['title']}\" has no description or no query")


def check_variables(stand, dashboard):
    """What the lists of the dashboard offer: label_values(SERIES, LABEL)."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
        series = series.replace("$instance", ".*")
        values = {found.get(label) for found in stand.get("series", **{"match[]": series})}
        expected = {"instance": stand.http, "model": "loadgen"}[label]
        if expected not in values:
            sys.exit(f"live_test: variable {variable['name']} offers {values}, expected {expected}")


def check_alerts(stand):
    """A fleet that is well has none; the load's own faults are too short to make one fire."""
    alerts = stand.get("alerts")["alerts"]
    firing = [a["labels"] for a in alerts if a["state"] == "firing"]
    if firing:
        sys.exit(f"live_test: alerts fire: {firing}")
    if not any(a["labels"]["alertname"] in EXPECTED_ALERTS for a in alerts):
        sys.exit(f"live_test: expected {EXPECTED_ALERTS} to be pending, got {alerts}")


def main():
    if not shutil.which(sys.argv[1]):
        print("skipped: the dashboard's queries: prometheus is not installed (./dev deps test fetches it)")
        sys.exit(77)
    dashboard = json.loads((ROOT / "deploy/grafana/eldr.json").read_text())
    work = pathlib.Path(tempfile.mkdtemp())
    stand = None
    try:
        check_layout(dashboard)
        stand = Stand(work, *sys.argv[1:])
        queries = list(dashboard_queries(dashboard)) + list(recorded_names(stand))
        open_queries = dict(queries)

        def all_answered():
            stand.all_live()
            # A query that finds no node, and one of no model: what fails is shown too.
            stand.ctl("--timeout", "100ms", "place", "x", "--model", "loadgen", "--allow", "nobody")
            for name, query in list(open_queries.items()):
                if stand.has_numbers(query):
                    del open_queries[name]
            if open_queries and time.monotonic() > DEADLINE - 1:
                lines = "\n".join(f"  {name}: {query}" for name, query in open_queries.items())
                sys.exit(f"live_test: without numbers:\n{lines}")
            return not open_queries

        wait_for("all queries have numbers", all_answered)
        check_variables(stand, dashboard)
        check_alerts(stand)
        print(f"{len(queries)} queries and rules answered with numbers")
    finally:
        if stand is not None:
            stand.stop()
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
