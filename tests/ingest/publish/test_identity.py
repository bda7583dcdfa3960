"""Two applications of one id and attempt: two trees, whatever the order, again, at once, and killed in between."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from afterglow.ingest import InputError, import_logs
from afterglow.ingest.publish import find_root, open_store, remove_tree, roots
from tests.conftest import sample_log

from . import stores
from .trees import differences, held

SAMPLE = "failing-tasks"


def two_logs(folder: Path) -> tuple[Path, Path]:
    """Logs of one name and one size; the second is of an application that started 7 ms later and has another name."""
    text = sample_log(SAMPLE).read_text()
    start = next(line for line in text.splitlines() if '"SparkListenerApplicationStart"' in line)
    event = json.loads(start)
    other = {**event, "App Name": event["App Name"][:-1] + "!", "Timestamp": event["Timestamp"] + 7}
    found = []
    for name, line in (("clusterA", start), ("clusterB", json.dumps(other, separators=(",", ":")))):
        assert len(line) == len(start)
        path = folder / name / sample_log(SAMPLE).name
        path.parent.mkdir()
        path.write_text(text.replace(start, line))
        found.append(path)
    assert found[0].stat().st_size == found[1].stat().st_size
    return found[0], found[1]


def two_logs_without_a_start(folder: Path, kind: str) -> tuple[Path, Path]:
    """Logs of one name and one size without an application's id in them; the times of the second are 7 ms later."""
    lines = sample_log(SAMPLE).read_text().splitlines(keepends=True)
    found = []
    for cluster, later in (("clusterA", 0), ("clusterB", 7)):
        text = ""
        for line in lines:
            if '"SparkListenerApplicationStart"' in line:
                event = json.loads(line)
                line = "" if kind == "no start" else json.dumps(event | {"App ID": None}) + "\n"
            elif '"SparkListenerEnvironmentUpdate"' in line:
                event = json.loads(line)
                event["Spark Properties"].pop("spark.app.id", None)
                line = json.dumps(event) + "\n"
            text += re.sub(r'(Time(?:stamp)?": ?)(1\d{12})', lambda at, by=later: f"{at[1]}{int(at[2]) + by}", line)
        path = folder / cluster / "log"
        path.parent.mkdir()
        path.write_text(text)
        found.append(path)
    assert found[0].stat().st_size == found[1].stat().st_size
    return found[0], found[1]


@pytest.mark.parametrize("kind", ["no start", "no id"])
def test_logs_of_one_name_without_an_id_are_two_applications(kind: str, tmp_path: Path) -> None:
    a, b = two_logs_without_a_start(tmp_path, kind)
    uri = stores.new_sqlite(tmp_path / "m.db")
    MlflowClient(uri).create_experiment("both", artifact_location=f"file://{tmp_path}/artifacts")
    assert [_states((log,), uri, "both", "sql") for log in (a, b, a, b)] == [
        ["written"],
        ["written"],
        ["unchanged"],
        ["unchanged"],
    ]
    assert held(uri, "both").complete == 2


def _states(logs: tuple[Path, ...], uri: str, experiment: str, writer: str) -> list[str]:
    return [one.published.state for one in import_logs([str(log) for log in logs], uri, experiment, writer=writer)]


@pytest.mark.parametrize("writer", ["sql", pytest.param("rest", marks=pytest.mark.slow)])
def test_two_applications_of_one_id_are_two_trees_in_any_order(writer: str, tmp_path: Path) -> None:
    a, b = two_logs(tmp_path)
    uri = stores.new_sqlite(tmp_path / "m.db")
    client = MlflowClient(uri)
    for name in ("a then b", "b then a", "only a", "only b"):
        client.create_experiment(name, artifact_location=f"file://{tmp_path}/{name}")
    assert _states((a,), uri, "a then b", writer) == _states((b,), uri, "a then b", writer) == ["written"]
    assert _states((b,), uri, "b then a", writer) == _states((a,), uri, "b then a", writer) == ["written"]
    assert _states((a, b), uri, "a then b", writer) == ["unchanged", "unchanged"]
    for log in (a, b):
        _states((log,), uri, f"only {'a' if log == a else 'b'}", "sql")
    expected = {**held(uri, "only a").tree, **held(uri, "only b").tree}
    for name in ("a then b", "b then a"):
        found = held(uri, name)
        assert (found.duplicates, found.complete) == (0, 2)
        assert differences(expected, found.tree) == []


def test_one_of_them_is_looked_up_and_removed(tmp_path: Path) -> None:
    a, b = two_logs(tmp_path)
    uri = stores.new_sqlite(tmp_path / "m.db")
    first, second = import_logs([str(a), str(b)], uri, "both")
    app_id = first.published.app_id
    with pytest.raises(InputError, match="several applications of this id") as error:
        find_root(app_id, uri)
    assert first.published.run_id in str(error.value) and second.published.run_id in str(error.value)
    root = find_root(first.published.run_id, uri)
    store = open_store(uri, "both")
    assert store is not None
    assert remove_tree(store, root) == first.published.runs
    assert [one.run_id for one in roots(store, [app_id]) if not one.deleted] == [second.published.run_id]
    assert len(held(uri, "both").tree) == second.published.runs
    assert import_logs([str(a)], uri, "both")[0].published.state == "deleted"
    assert import_logs([str(a)], uri, "both", restore=True)[0].published.runs == first.published.runs
    assert held(uri, "both").complete == 2


def at_once(writer: str, times: int) -> dict[str, int]:
    """Imports both at once, one of them killed and repeated; in this process, which must not have opened a store."""
    from .forks import Target, ended, fork, importing, make_experiments, run

    figures = {"imports": 0, "failed": 0, "different": 0, "duplicates": 0, "not_complete": 0}
    with tempfile.TemporaryDirectory() as name, stores.sqlite() as uri:
        folder, output = Path(name), Path(name) / "output"
        a, b = two_logs(folder)
        target = Target("", writer, uri, uri)
        names = [f"at once {number}" for number in range(times)]
        assert run(make_experiments(target, ["alone", *names], folder), output) == 0
        began = time.monotonic()
        for log in (a, b):
            assert run(importing(log, target, "alone"), output) == 0, output.read_text()
        lasted = (time.monotonic() - began) / 2
        expected = held(uri, "alone").tree
        for number, name in enumerate(names):
            children = [fork(importing(log, target, name), output) for log in (a, b)]
            if number % 2:  # every other time both end by themselves
                time.sleep(random.uniform(0, 1.5) * lasted)
                os.kill(children[0], signal.SIGKILL)
            first = ended(children[0], 240)
            codes = [
                0 if number % 2 else first,
                ended(children[1], 240),
                *(run(importing(log, target, name), output) for log in (a, b)),
            ]
            found = held(uri, name)
            wrong = differences(expected, found.tree)
            figures["imports"] += len(codes)
            figures["failed"] += sum(code != 0 for code in codes)
            figures["different"] += bool(wrong)
            figures["duplicates"] += found.duplicates
            figures["not_complete"] += found.complete != 2
            if any(codes) or wrong:
                print(name, codes, wrong[:5], output.read_text()[-3000:], file=sys.stderr)
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_both_at_once_and_one_killed(writer: str) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.ingest.publish.test_identity",
        writer,
        os.environ.get("AFTERGLOW_TIMES", "2"),
    ]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, number in figures.items() if number} == {"imports"}, done.stderr


if __name__ == "__main__":
    print(json.dumps(at_once(sys.argv[1], int(sys.argv[2]))))
