"""Take the screenshots of docs/pictures in MLflow's own page, 1400 and 1024 pixels wide.

    python docs/screenshots.py [--chromium PATH] [--training FOLDER] [--before BIN]

Imports sample logs into a new store, serves it with MLflow and photographs pages with a headless Chromium. With
`--training` also the logs that docs/training_jobs.py wrote to FOLDER. With `--before` the same pages by an older
version, installed in the virtual environment with the folder BIN, into docs/pictures/before.

Chromium opens the server by a name that is not localhost, as users of a shared server do. MLflow opens its assistant
on local servers only, over a quarter of the page.
"""

import argparse
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from PIL import Image

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
LOGS = ("annotated-search", "skewed-join", "executor-lost")
TRAINING = ("connect-search", "spark-trials", "study", "pipeline", "loop", "models", "stream")
WIDTHS = (1400, 1024)
COLOURS = 256
HOST = "mlflow.example"
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One picture: its name, the address below the server or of a file, and the height of the window."""

    name: str
    address: str
    height: int


def main() -> None:
    """Write every picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chromium", default="chromium")
    parser.add_argument("--training", type=Path)
    parser.add_argument("--before", type=Path)
    given = parser.parse_args()
    here = Path(os.path.abspath(HERE.parent / ".venv" / "bin"))
    for installed, folder in ((here, PICTURES), *(((given.before, PICTURES / "before"),) if given.before else ())):
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
            _take(installed, Path(work), folder, given.chromium, given.training)


def _take(installed: Path, work: Path, folder: Path, chromium: str, training: Path | None) -> None:
    """The pictures of one installed version."""
    store = f"sqlite:///{work}/mlflow.db"
    if training and (training / "mlflow.db").exists():  # the runs of the study itself
        shutil.copyfile(training / "mlflow.db", work / "mlflow.db")
    command = [str(installed / "afterglow"), "import", "--tracking-uri", store]
    logs = {name: _log(training / name) for name in TRAINING} if training else {}
    (work / "sample_logs").symlink_to(HERE.parent.resolve() / "sample_logs")  # the pictures show the path as given
    for name, log in logs.items():
        (work / name).symlink_to(log.resolve().parent)
    samples = [f"sample_logs/{name}" for name in LOGS]
    subprocess.run([*command, *samples, "--experiment", "demo"], check=True, cwd=work, capture_output=True)
    for name, log in logs.items():
        if name == "pipeline":
            _run_around(store, log)
        subprocess.run(
            [*command, f"{name}/{log.name}", "--experiment", "training"], check=True, cwd=work, capture_output=True
        )
    client = MlflowClient(store)
    with _server(installed, store, work) as address:
        pages = list(_demo_pages(client))
        for name, log in logs.items():
            pages.extend(_training_pages(client, name, _app_id(log)))
        wanted = [page for page in pages if folder == PICTURES or not page.name.startswith("training-")]
        for page in wanted:
            for width in WIDTHS[:1] if page.name.startswith("training-") else WIDTHS:
                name = f"{page.name}.png" if width == WIDTHS[0] else f"{page.name}-{width}.png"
                where = page.address if page.address.startswith("file:") else address + page.address
                _photograph(chromium, work, where, folder / name, width, page.height)


def _log(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if not path.name.startswith("."))


def _app_id(log: Path) -> str:
    return log.name.partition(".")[0].removeprefix("eventlog_v2_")


def _run_around(store: str, log: Path) -> None:
    """What `with mlflow.start_run():` around the job leaves: a run of the job's own, in an experiment of its own."""
    start = int(_app_id(log).rpartition("-")[2])
    client = MlflowClient(store)
    tags = {"spark.app.id": _app_id(log)}
    run = client.create_run(client.create_experiment("daily training"), start, tags, "tuesday")
    client.set_terminated(run.info.run_id, "FINISHED", start + 600_000)


def _demo_pages(client: MlflowClient) -> Iterator[Page]:
    experiment = client.get_experiment_by_name("demo")
    assert experiment is not None
    number = experiment.experiment_id
    runs = client.search_runs([number], max_results=10_000)

    def view(key: str, else_filter: str) -> str:
        base = f"/#/experiments/{number}/runs?workflowType=machine_learning"
        if f"mlflow.sharedViewState.{key}" in experiment.tags:
            return f"{base}&viewStateShareKey={key}"
        return f"{base}&searchFilter={else_filter}&orderByKey=attributes.start_time&orderByAsc=false"

    search = _first(runs, "tuning")
    trials = sorted(_below(runs, search, "trial"), key=lambda run: run.info.start_time)
    skewed = next(run for run in _of_level(runs, "application") if run.data.tags["mlflow.source.name"] == "skewed-join")
    stages = [run for run in _of_level(runs, "stage") if run.data.tags["spark.app.id"] == _id(skewed)]
    trials_key = next((key.rpartition("State.")[2] for key in experiment.tags if ".afterglow-trials-" in key), "")
    of_trials = "tags.%60afterglow.level%60%20%3D%20%27trial%27"
    overview = "tags.%60afterglow.view%60%20%3D%20%27overview%27"
    yield Page("demo", view("afterglow-applications", overview), 620)
    yield Page("search", _page(search), 1000)
    yield Page("trial", _page(trials[-1]), 1000)
    yield Page("trials", view(trials_key, of_trials), 620)
    listed = ",".join(f"%22{run.info.run_id}%22" for run in trials)
    yield Page("compare-trials", f"/#/compare-runs?runs=[{listed}]&experiments=[%22{number}%22]", 900)
    most_skewed = max(stages, key=lambda run: run.data.metrics.get("skew/duration_max_over_median", 0))
    yield Page("stage", _page(most_skewed), 1000)
    yield Page("application", _page(skewed), 1000)
    root = next(run for run in _of_level(runs, "application") if _id(run) == _id(search))
    # The file itself: MLflow's viewer shows it in a frame of its own.
    report = client.download_artifacts(root.info.run_id, "report.html")
    yield Page("report", Path(report).as_uri(), 1000)


def _training_pages(client: MlflowClient, name: str, app_id: str) -> Iterator[Page]:
    """The run that answers most: the streaming query, the search, the run of all models, else the application of plain
    fits. Of the latter also a fit that was evaluated."""
    ids = [one.experiment_id for one in client.search_experiments()]
    runs = client.search_runs(ids, f"tags.`spark.app.id` = '{app_id}'", max_results=10_000)
    roots = _of_level(runs, "application")
    if name == "pipeline":
        evaluated = [run for run in _of_level(runs, "fit") if run.data.metrics.get("time/evaluate_s")]
        yield Page("fit", _page([*evaluated, *roots][0]), 1000)
    for query in _of_level(runs, "query"):
        yield Page("training-stream", _page(query), 1000)
        return
    wanted = [*_of_level(runs, "tuning"), *(run for run in runs if run.data.metrics.get("models/total")), *roots]
    yield Page(f"training-{name}", _page(wanted[0]), 1000)


def _of_level(runs: Sequence[Run], level: str) -> list[Run]:
    return [run for run in runs if run.data.tags.get("afterglow.level") == level]


def _first(runs: Sequence[Run], level: str) -> Run:
    return _of_level(runs, level)[0]


def _below(runs: Sequence[Run], parent: Run, level: str) -> list[Run]:
    return [run for run in _of_level(runs, level) if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def _id(run: Run) -> str:
    return str(run.data.tags["spark.app.id"])


def _page(run: Run) -> str:
    return f"/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}?workflowType=machine_learning"


def _photograph(chromium: str, work: Path, address: str, target: Path, width: int, height: int) -> None:
    profile = tempfile.mkdtemp(dir=work)
    options = [f"--user-data-dir={profile}", f"--window-size={width},{height}", "--virtual-time-budget=20000"]
    target.unlink(missing_ok=True)
    command = [chromium, *QUIET, *options, f"--screenshot={target}", address]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    if not target.exists():
        raise SystemExit(f"{chromium} took no picture of {address}")
    Image.open(target).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target)


@contextmanager
def _server(installed: Path, store: str, work: Path) -> Iterator[str]:
    """MLflow's server over the store, on a free port, for any name of the host."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(installed / "mlflow"), "server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", "*", "--cors-allowed-origins", "*"]
    with open(work / "server.log", "wb") as log:
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=work, env=environment)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://{HOST}:{port}"
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
