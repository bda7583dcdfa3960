"""Take the screenshots of docs/pictures in MLflow's own page: python docs/screenshots.py [CHROMIUM].

Imports the sample logs of `make demo` into a new store, serves it with MLflow, and photographs pages with a headless
Chromium. Needs chromium on the PATH, or its path as the argument.
"""

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
            for name, page, height in _pages(store):
                _photograph(chromium, folder, address + page, HERE / "pictures" / name, height)


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

    yield "search.png", f"/#/experiments/{number}/runs/{first('tuning')}", 1000
    yield "application.png", f"/#/experiments/{number}/runs/{first('application', 'skewed')}", 1000
    trials = [run.info.run_id for run in runs if run.data.tags.get("afterglow.level") == "trial"]
    listed = ",".join(f"%22{run}%22" for run in trials)
    yield "compare-trials.png", f"/#/compare-runs?runs=[{listed}]&experiments=[%22{number}%22]", 900
    report = f"/get-artifact?path=report.html&run_uuid={first('application', 'house')}"
    yield "report.png", report, 1000


def _photograph(chromium: str, folder: str, address: str, target: Path, height: int) -> None:
    profile = tempfile.mkdtemp(dir=folder)
    options = [f"--user-data-dir={profile}", f"--window-size=1400,{height}", "--virtual-time-budget=20000"]
    command = [chromium, *QUIET, *options, f"--screenshot={target}", address]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(target)


@contextmanager
def _server(store: str, folder: str) -> Iterator[str]:
    """MLflow's server over the store, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port)]
    with open(f"{folder}/server.log", "wb") as log:
        server = subprocess.Popen([*command, "--workers", "1"], stdout=log, stderr=log, cwd=folder)
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
