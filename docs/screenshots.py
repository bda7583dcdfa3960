"""Take the screenshots of docs/pictures in MLflow's own page: python docs/screenshots.py [CHROMIUM [WIDTH ...]].

Imports the sample logs of `make demo` into a new store, serves it with MLflow, and photographs pages with a headless
Chromium, 1400 pixels wide. Needs chromium on the PATH, or its path as the first argument.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient

HERE = Path(__file__).parent
LOGS = ("annotated-search", "skewed-join", "broadcast-join", "executor-lost")
WIDTHS = tuple(map(int, sys.argv[2:])) or (1400,)
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def main() -> None:
    """Write every picture."""
    chromium = sys.argv[1] if len(sys.argv) > 1 else "chromium"
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/mlflow.db"
        logs = [str(HERE.parent / "sample_logs" / name) for name in LOGS]
        command = [sys.executable, "-m", "afterglow.ingest.cli", "import", *logs, "--tracking-uri", store, "--quiet"]
        subprocess.run([*command, "--experiment", "demo"], check=True)
        with _server(store, folder) as address:
            report = Path(folder) / "report.html"  # the file itself: MLflow's viewer shows it in a frame of its own
            shown = [sys.executable, "-m", "afterglow.ingest.cli", "show", logs[0], "--html", str(report)]
            subprocess.run(shown, check=True, capture_output=True)
            for width in WIDTHS:
                target = HERE / "pictures" / ("report.png" if width == WIDTHS[0] else f"report-{width}.png")
                _photograph(chromium, folder, report.as_uri(), target, width, 1000)
            for name, page, height in _pages(store):
                for width in WIDTHS:
                    target = HERE / "pictures" / (name if width == WIDTHS[0] else name.replace(".png", f"-{width}.png"))
                    _photograph(chromium, folder, address + page, target, width, height)


def _pages(store: str) -> Iterator[tuple[str, str, int]]:
    """File name, page and height of each picture."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("demo")
    assert experiment is not None
    number = experiment.experiment_id
    runs = client.search_runs([number], max_results=10_000)

    def first(level: str, name: str = "") -> str:
        found = (run for run in runs if run.data.tags.get("afterglow.level") == level and name in run.info.run_name)
        return str(next(found).info.run_id)

    def view(key: str) -> str:
        return f"/#/experiments/{number}/runs?workflowType=machine_learning&viewStateShareKey={key}"

    def page(run_id: str) -> str:
        return f"/#/experiments/{number}/runs/{run_id}?workflowType=machine_learning"

    search = first("tuning")
    app_id = next(run.data.tags["spark.app.id"] for run in runs if run.info.run_id == search)
    yield "demo.png", view("afterglow-applications"), 900
    yield "tree.png", view(app_id), 900
    yield "slow-stages.png", view("afterglow-slow-stages"), 900
    trials_key = next(key for key in experiment.tags if ".afterglow-trials-" in key).rpartition("State.")[2]
    yield "trials.png", view(trials_key), 700
    yield "search.png", page(search), 1000
    yield "trial.png", page(first("trial")), 1000
    yield "stage.png", page(first("stage", "collect skewed_join:41")), 1000
    yield "application.png", page(first("application", "skewed")), 1000
    trials = [run.info.run_id for run in runs if run.data.tags.get("afterglow.level") == "trial"]
    listed = ",".join(f"%22{run}%22" for run in trials)
    yield "compare-trials.png", f"/#/compare-runs?runs=[{listed}]&experiments=[%22{number}%22]", 900
    yield "trials-chart.png", view(trials_key) + "&compareRunsMode=CHART", 900


def _photograph(chromium: str, folder: str, address: str, target: Path, width: int, height: int) -> None:
    profile = tempfile.mkdtemp(dir=folder)
    options = [f"--user-data-dir={profile}", f"--window-size={width},{height}", "--virtual-time-budget=20000"]
    command = [chromium, *QUIET, *options, f"--screenshot={target}", address]
    target.unlink(missing_ok=True)
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    if not target.exists():
        raise SystemExit(f"{chromium} took no picture of {address}")
    print(target)


@contextmanager
def _server(store: str, folder: str) -> Iterator[str]:
    """MLflow's server over the store, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port)]
    with open(f"{folder}/server.log", "wb") as log:
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        server = subprocess.Popen([*command, "--workers", "1"], stdout=log, stderr=log, cwd=folder, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health").close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
