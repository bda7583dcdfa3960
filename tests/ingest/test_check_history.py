"""Recurring jobs from end to end: import, tags, description, webhook, exit code, and the history command."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG
from tests.ingest.cli.logs import write_log
from tests.ingest.publish.stores import new_sqlite

runner = CliRunner()
START, DAY = 1_700_000_000_000, 86_400_000
SECONDS = (10.0, 10.2, 9.9, 10.1, 10.0, 20.0, 20.2, 10.1)  # the job gets slower in its sixth run


class Receiver(HTTPServer):
    """A webhook that remembers what it got, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, Any]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.headers["Idempotency-Key"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def write_night(folder: Path, night: int, seconds: float, **given: Any) -> Path:
    start = START + night * DAY
    name = f"sales {night}"
    return write_log(folder, name, f"app-{night}", start, file=f"log-{night}", duration_ms=int(seconds * 1000), **given)


def afterglow(*words: object, code: int = 0) -> str:
    result = runner.invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def store(tmp_path: Path) -> str:
    return new_sqlite(tmp_path / "mlflow.db")


def test_a_night_that_is_slower_is_found_and_told_once(tmp_path: Path, store: str, receiver: Receiver) -> None:
    for night, seconds in enumerate(SECONDS):
        write_night(tmp_path / "logs", night, seconds)
    importing = ("--tracking-uri", store, "--report", "none", "--webhook", receiver.url, "--fail-on", "regression")
    ledger = ("--ledger", tmp_path / "ledger.db")
    out = afterglow("backfill", tmp_path / "logs", *importing, *ledger, "--json", code=6)
    summary = json.loads(out.splitlines()[-1])
    assert summary["summary"]["with a regression"] == 2

    roots = _roots(store)
    assert {root.data.tags["afterglow.job"] for root in roots.values()} == {"sales"}
    tags = {app_id: root.data.tags.get("afterglow.regression") for app_id, root in roots.items()}
    assert [app_id for app_id, tag in tags.items() if tag] == ["app-5", "app-6"]
    slow = roots["app-5"].data
    assert slow.tags["afterglow.regression"].startswith("slower: It took 20 s, usually 10 s, at most 12")
    assert slow.tags["mlflow.note.content"].startswith("**Regression (slower):** It took 20 s")
    assert slow.metrics["history/regressions"] == 1 and slow.metrics["history/duration_ratio"] == 2
    assert roots["app-6"].data.tags["afterglow.regression.since"] == "app-5"
    ((key, event),) = receiver.got
    assert event["id"] == key and event["kinds"] == ["slower"] and event["job"] == "sales"
    assert event["application"]["app_id"] == "app-5" and event["text"].startswith("It took 20 s")

    afterglow("backfill", tmp_path / "logs", *importing, "--ledger", tmp_path / "other.db", "--json", code=6)
    assert len(receiver.got) == 1  # the second import writes nothing, and the receiver gets no second call

    rows = json.loads(afterglow("history", "sales", "--tracking-uri", store, "--json"))
    assert [row["app_id"] for row in rows if row["verdict"]["kinds"]] == ["app-5", "app-6"]
    shown = afterglow("history", "sales", "--tracking-uri", store, "--html", tmp_path / "sales.html")
    assert "Changed by app-5: It took 20 s" in shown
    lines = shown.splitlines()
    assert lines[1].split() == ["start", "(UTC)", "application", "duration", "compared"]  # no empty columns
    assert [line.split()[2:] for line in lines[4:8]] == [
        ["app-2", "9.9", "s", "too", "few", "runs"],
        ["app-3", "10.1", "s", "as", "usual"],
        ["app-4", "10", "s", "as", "usual"],
        ["app-5", "20", "s", "slower"],
    ]  # one line per run, at 80 columns
    page = (tmp_path / "sales.html").read_text()
    assert page.count('class="changed"') == 2  # in the chart and the table
    assert page.count("<svg") == 1 and "Duration" in page  # charts without a bar are left out
    assert json.loads(afterglow("history", "--tracking-uri", store, "--json"))[0]["runs"] == len(SECONDS)


def _roots(store: str) -> dict[str, Any]:
    client = MlflowClient(store)
    runs = client.search_runs(
        [one.experiment_id for one in client.search_experiments()],
        "tags.`afterglow.level` = 'application'",
        order_by=["attributes.start_time"],
    )
    return {run.data.tags["spark.app.id"]: run for run in runs}


def test_the_dataset_has_the_costs_of_a_price_file(tmp_path: Path, store: str) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('currency = "EUR"\ncore_hour = 36\ngb_hour = 1\n')
    path = write_night(tmp_path / "logs", 0, 10)
    added = {"Event": "SparkListenerExecutorAdded", "Timestamp": START, "Executor ID": "1"}
    info = {"Host": "h", "Total Cores": 4, "Log Urls": {}, "Attributes": {}, "Resources": {}, "Resource Profile Id": 0}
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], json.dumps({**added, "Executor Info": info}) + "\n", *lines[2:]]))
    given = ("--prices", prices, "--dataset", tmp_path / "fleet")
    ledger = ("--ledger", tmp_path / "ledger.db")
    afterglow("backfill", tmp_path / "logs", *given, "--tracking-uri", store, "--report", "none", *ledger, "-q")
    (of_mlflow,) = json.loads(afterglow("history", "sales", "--tracking-uri", store, "--json"))
    (of_dataset,) = json.loads(afterglow("history", "sales", *given, "--json"))
    assert of_dataset["currency"] == of_mlflow["currency"] == "EUR"
    assert of_dataset["metrics"]["cost/total"] == pytest.approx(of_mlflow["metrics"]["cost/total"]) and (
        of_mlflow["metrics"]["cost/total"] == pytest.approx(10 / 3600 * (4 * (36 + 0.25) + 37), rel=1e-6)
    )
    assert "cost (EUR)" in afterglow("history", "sales", *given)


@pytest.mark.slow
def test_the_dataset_has_the_same_history(tmp_path: Path, store: str) -> None:
    for night, seconds in enumerate(SECONDS):
        write_night(tmp_path / "logs", night, seconds)
    dataset = ("--dataset", tmp_path / "fleet")
    ledger = ("--ledger", tmp_path / "ledger.db")
    afterglow("backfill", tmp_path / "logs", *dataset, "--tracking-uri", store, "--report", "none", *ledger, "-q")
    of_mlflow = json.loads(afterglow("history", "sales", "--tracking-uri", store, "--json"))
    of_dataset = json.loads(afterglow("history", "sales", *dataset, "--json"))
    for one, other in zip(of_mlflow, of_dataset, strict=True):
        for row in (one, other):
            del row["run_id"], row["url"], row["name"]
            row["metrics"].pop("tasks/total", None)
        assert one == other


@pytest.mark.parametrize("writer", ["sql", pytest.param("rest", marks=pytest.mark.slow)])
def test_the_hook_compares_with_the_store_alone(tmp_path: Path, store: str, writer: str) -> None:
    words = ("--tracking-uri", store, "--writer", writer, "--report", "none", "--task-runs", "none", "--wait", 0)
    for night, seconds in enumerate(SECONDS[:6]):
        path = write_night(tmp_path, night, seconds)
        expected = 6 if seconds == 20 else 0
        out = afterglow("hook", "--log", path, *words, "--fail-on", "slower", "--json", code=expected)
        regression = json.loads(out)["published"]["regression"]
        assert regression.startswith("slower") if expected else regression == ""


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_a_run_whose_import_was_killed_is_not_compared_with(tmp_path: Path, store: str, writer: str) -> None:
    words = ("--tracking-uri", store, "--writer", writer, "--report", "none", "--task-runs", "none", "-q")
    for night in range(4):
        if night == 3:  # as if the import of the last night had been killed
            MlflowClient(store).set_tag(_roots(store)["app-2"].info.run_id, FINGERPRINT_TAG, "")
        afterglow("import", write_night(tmp_path, night, 10), *words)
    assert _roots(store)["app-3"].data.metrics["history/runs"] == 2


def test_a_failed_night_is_a_regression_but_no_comparison(tmp_path: Path, store: str, receiver: Receiver) -> None:
    words = ("--tracking-uri", store, "--report", "none", "--webhook", receiver.url, "--webhook-format", "slack")
    logs = [write_night(tmp_path, night, 10) for night in range(4)]
    logs.append(write_night(tmp_path, 4, 3, exit_code=1))
    logs.append(write_night(tmp_path, 5, 10))
    afterglow("import", *logs, *words, "--fail-on", "failed", "-q", code=6)
    assert _roots(store)["app-4"].data.tags["afterglow.regression"] == "failed: It failed."
    assert "afterglow.regression" not in _roots(store)["app-5"].data.tags
    ((_, event),) = receiver.got
    assert event["text"].startswith("*sales*: failed. It failed. <")


def test_a_webhook_that_fails_is_called_by_the_next_import(tmp_path: Path, store: str, receiver: Receiver) -> None:
    logs = [write_night(tmp_path, night, seconds) for night, seconds in enumerate(SECONDS[:6])]
    words = ("import", *logs, "--tracking-uri", store, "--report", "none", "--webhook", receiver.url)
    receiver.status = 500
    result = runner.invoke(app, [str(word) for word in words])
    assert result.exit_code == 0 and "was not called: status 500" in result.stderr and receiver.url not in result.output
    receiver.status = 200
    failed = len(receiver.got)
    for _ in range(2):
        afterglow(*words)
    assert len(receiver.got) == failed + 1 and len({key for key, _ in receiver.got}) == 1


def test_options_are_checked() -> None:
    result = runner.invoke(app, ["import", "log", "--fail-on", "ugly"])
    assert result.exit_code == 2 and "not one of regression" in result.output
