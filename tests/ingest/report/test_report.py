"""The report: one small file, whole, the same every time, in which no text of a log does anything."""

import base64
import hashlib
import html.parser
import json
import re
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afterglow.ingest import report as pictures
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import derive_tree, read_view
from afterglow.ingest.report import payload, stage_plot
from afterglow.ingest.report.embed import BOKEHJS
from afterglow.ingest.report.report_data import report_data
from afterglow.ingest.units import seconds
from afterglow.schemas.report import REPORT, STAGE_TASKS
from tests.conftest import sample_log


def _read(name: str) -> tuple[Any, Any]:
    (log,) = find_logs([str(sample_log(name))])
    app = read_view(log)
    return derive_tree(app, "none"), app


class _Page(html.parser.HTMLParser):
    """Every element with its attributes, and the text of what no script holds."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: dict[str, str] = {}
        self._id: str | None = None
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id") if tag == "script" else self._id if tag == "style" else None

    def handle_endtag(self, tag: str) -> None:
        self._id, self.text = None, self.text + " "

    def handle_data(self, data: str) -> None:
        if self._id is not None:
            self.data[self._id] = self.data.get(self._id, "") + data
        elif self.tags and self.tags[-1][0] not in ("script", "style"):
            self.text += data

    def drawn(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(self.data["data"])))
        return found


def _numbers(packed: dict[str, str]) -> Any:
    types = {"Uint8Array": np.uint8, "Uint16Array": np.uint16, "Uint32Array": np.uint32, "Float64Array": np.float64}
    kind = np.dtype(types[packed["type"]])
    raw = np.frombuffer(base64.b64decode(packed["data"]), np.uint8)
    return np.frombuffer(raw.reshape(kind.itemsize, -1).T.tobytes(), kind)


def test_a_report_is_one_file_under_two_megabytes_that_asks_nobody_for_anything(sample: Path) -> None:
    (log,) = find_logs([str(sample)])
    app = read_view(log)
    content = pictures.draw_report(derive_tree(app, "none"), app)
    page = _Page(content)
    assert len(content) < 2 * 2**20
    outside = [a for _, a in page.tags if a.get("src") or not (a.get("href") or "#").startswith("#")]
    assert not outside
    (policy,) = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert policy is not None and policy.startswith("default-src 'none'") and "http" not in policy
    assert zlib.decompress(base64.b64decode(page.data["library"])).find(b"Bokeh Contributors") > 0
    again = read_view(log)
    assert pictures.draw_report(derive_tree(again, "all"), again) == content


def test_every_task_that_ended_is_drawn_where_it_ran() -> None:
    tree, app = _read("executor-lost")
    drawn = _Page(pictures.draw_report(tree, app)).drawn()
    rows = [row for row in app.tables.tasks.to_pylist() if row["duration_ms"] is not None]
    start = tree.application.start_ms
    executors = [one["name"] for one in drawn["executors"]]
    assert executors == sorted({row["executor_id"] for row in rows})
    found = zip(*(_numbers(drawn[name]).tolist() for name in ("executor", "index", "start", "duration")), strict=True)
    told = [
        (executors.index(r["executor_id"]), r["index"], r["launch_time_ms"] - start, r["duration_ms"]) for r in rows
    ]
    assert sorted(found) == sorted(told)
    cores = {row["executor_id"]: row["cores"] for row in app.tables.executors.to_pylist()}
    assert {one["name"]: one["slots"] for one in drawn["executors"]} == cores
    bars = list(zip(*(_numbers(drawn[n]).tolist() for n in ("lane", "start", "duration")), strict=True))
    for lane, begin, took in bars:
        both = [min(b + t, begin + took) - max(b, begin) for row, b, t in bars if row == lane]
        assert sum(overlap > 500 for overlap in both) <= 1, "two tasks in one slot at once"


def test_no_text_of_a_log_becomes_markup_anywhere() -> None:
    tree, app = _read("untrusted-text")
    content = pictures.draw_report(tree, app)
    page = _Page(content)
    assert "<script>alert(1)</script>" in page.text  # the application's name, to be read
    assert sum(tag == "script" for tag, _ in page.tags) == 3  # the library, the data, what draws
    for tag, attrs in page.tags:
        assert tag not in ("img", "iframe", "object", "form", "base")
        assert tag != "a" or re.fullmatch(r"#[a-z-]+", attrs["href"] or "")  # the line of contents
        assert not [name for name in attrs if name.startswith("on")]
    for text in (page.data["data"], page.data["library"]):
        assert re.fullmatch(r"[A-Za-z0-9+/=]*", text)


def test_a_stage_picture_escapes_and_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import xml.etree.ElementTree as ElementTree

    tree, app = _read("skewed-join")
    files = pictures.draw(tree, app, "all").files
    assert files == pictures.draw(tree, app, "all").files
    (key,) = [key for key in files if key != tree.application.key]
    assert key.endswith("/stage/8.0")
    data = report_data(tree, app)
    number = next(i for i, run in enumerate(data.stages) if run.key == key)
    assert stage_plot.plot_stage(data, number) == files[key][STAGE_TASKS.file]
    hostile = '</text><script>alert("1")</script>\x00\ud800'
    object.__setattr__(data.stages[number], "name", f"stage 8.0 · {hostile}")
    data.executors[:] = [hostile for _ in data.executors]  # type: ignore[index]
    root = ElementTree.fromstring(stage_plot.plot_stage(data, number).decode())
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg",
        "style",
        "rect",
        "text",
        "g",
        "path",
        "circle",
    }
    named = [element.text or "" for element in root.iter() if element.text and element.text.startswith("task 1 on")]
    assert named and "<script>" in named[0]
    circles = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(circles) == 2 * 6  # every task of the stage, in both panels
    assert sum(element.get("class") == "slow" for element in circles) == 2


def test_what_is_left_out_of_the_picture_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    tree, app = _read("cv-pipeline")
    monkeypatch.setattr(payload, "REPORT_TASKS", 10)
    page = _Page(pictures.draw_report(tree, app))
    durations = sorted(app.tables.tasks["duration_ms"].to_pylist(), reverse=True)
    assert sorted(_numbers(page.drawn()["duration"]).tolist(), reverse=True) == durations[:10]
    rest = round(100 * sum(durations[10:]) / sum(durations))
    assert f"The 10 longest of {len(durations)} tasks are drawn. The {len(durations) - 10} shorter ones" in page.text
    assert f"together {rest} % of the task time" in page.text


def test_trials_stand_best_first_with_params_metric_and_cost() -> None:
    tree, app = _read("cv-pipeline")
    text = " ".join(_Page(pictures.draw_report(tree, app)).text.split())
    trials = [run for run in tree.runs if run.level == "trial"]
    assert trials
    names = sorted(trials, key=lambda run: -run.metrics.get("avg_areaUnderROC", -run.metrics["time/fit_s"]))
    places = [text.index(f" {run.name} ") for run in names]
    assert len(set(places)) == len(trials)
    for run in trials:
        for value in run.params.values():
            assert value in text


@pytest.mark.parametrize(("name", "drawn"), [("cv-pipeline", True), ("codec-lz4", False)])
def test_auto_draws_where_there_is_something_to_see(name: str, drawn: bool) -> None:
    tree, app = _read(name)
    quiet = app.with_findings(app.tables["findings"].slice(0, 0))
    assert (tree.application.key in pictures.draw(tree, quiet, "auto").files) is drawn
    assert REPORT.file in pictures.draw(tree, quiet, "all").files[tree.application.key]
    assert not pictures.draw(tree, quiet, "none").files


@pytest.mark.browser
@pytest.mark.parametrize("name", ["skewed-join", "untrusted-text", "cv-pipeline"])
def test_a_browser_draws_every_picture(name: str, tmp_path: Path) -> None:
    tree, app = _read(name)
    file = tmp_path / "report.html"
    file.write_bytes(pictures.draw_report(tree, app))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path}/profile", file.as_uri()]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    assert 'data-drawn="true"' in shown
    assert shown.count("bk-Figure") >= 2


def test_bokehjs_is_the_release_that_is_named() -> None:
    folder = Path(pictures.__file__).parent / "bokehjs"
    assert {path.name for path in folder.iterdir()} == {*BOKEHJS, "LICENSE.txt"}
    for name, digest in BOKEHJS.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.node
def test_the_scripts_of_the_page_parse() -> None:
    for name in ("units.js", "tables.js", "report.js"):
        subprocess.run(["node", "--check", Path(pictures.__file__).parent / name], check=True, timeout=60)


def test_the_report_begins_with_the_wall_time() -> None:
    tree, app = _read("cv-pipeline")
    (row,) = [r for r in app.tables["findings"].to_pylist() if r["code"] == "wall_time"]
    text = " ".join(_Page(pictures.draw_report(tree, app)).text.split())
    assert text.count(row["message"]) == 1 and text.index(row["message"]) < text.index("What cost time")


def test_the_report_and_the_findings_name_one_critical_path() -> None:
    tree, app = _read("cv-pipeline")
    (row,) = [r for r in app.tables["findings"].to_pylist() if r["code"] == "critical_path"]
    text = " ".join(_Page(pictures.draw_report(tree, app)).text.split())
    figures = json.loads(row["figures"])
    assert row["message"].startswith(f"{seconds(figures['stages_ms'] / 1e3)} in {figures['num_stages']} of ")
    assert f"{seconds(figures['stages_ms'] / 1e3)} in {figures['num_stages']} stages" in text
    assert f"{seconds(figures['driver_ms'] / 1e3)} in the driver or waiting" in text
