"""Descriptions: figures for people, links to what matters, and nothing from a log that acts."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from afterglow.ingest import units
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from afterglow.ingest.publish.description import describe, escape
from afterglow.schemas.runs.tree import Run
from tests.conftest import sample_log, sample_names


@given(st.text(max_size=120))
def test_escaped_text_shows_as_it_stands(text: str) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(f"**x** {escape(text, 1000)}")
    body = html.removeprefix("<p><strong>x</strong>").removesuffix("</p>\n")
    assert not re.search(r"<(?!/?p>)", body), html


@pytest.mark.parametrize("name", sample_names())
def test_every_description_links_to_runs_and_to_nothing_else(name: str) -> None:
    (log,) = find_logs([str(sample_log(name))])
    tree = derive(read_view(log))
    below, by_key = tree.children(), {run.key: run for run in tree.all()}
    for run in tree.all():
        if run.level == "task":
            continue
        linked: list[str] = []
        text = describe(
            run, below, by_key.get(run.parent or ""), lambda key, to=linked: to.append(key) or f"#/{len(to)}"
        )
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        assert len(re.findall("<a ", html)) == len(linked) and set(linked) <= set(by_key)
        assert set(re.findall(r"<(\w+)", html)) <= {
            "p",
            "a",
            "strong",
            "ul",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
        }
        assert len(text) <= 8000


@pytest.mark.parametrize(
    "value, text",
    [
        (0.0004, "0.4 ms"),
        (0.25, "250 ms"),
        (1.234, "1.23 s"),
        (59.9, "59.9 s"),
        (61, "1 min 1 s"),
        (3725, "1 h 2 min"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    "value, text", [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (9e15, "9,000 TB")]
)
def test_size(value: float, text: str) -> None:
    assert units.size(value) == text


def _described(name: str, level: str) -> str:
    (log,) = find_logs([str(sample_log(name))])
    tree = derive(read_view(log))
    run = next(run for run in tree.all() if run.level == level)
    return describe(run, tree.children(), None, lambda key: "#/" + key.rpartition("/")[2])


def test_a_search_says_its_result_first_and_then_every_trial_in_one_table() -> None:
    first, second, *_ = _described("annotated-search", "tuning").split("\n\n")
    assert re.fullmatch(
        r"\*\*Best:\*\* numTrees=40, maxDepth=5 → areaUnderROC 0\.9448 ± [\d.]+ "
        r"\(\[trial 3\]\(#/3\), [\d.]+ s of fitting\)\.",
        first,
    )
    assert second.startswith("**Hyperparameter search: ")
    text = _described("annotated-search", "tuning")
    heading, rows = text.partition("**Trials, best first**\n\n")[2].split("\n|---|---|---|---|---|\n")
    assert heading == "| trial | params | areaUnderROC | fitting time | slowest fold |"
    shown = [line.split(" | ") for line in rows.split("\n\n")[0].splitlines()]
    assert len(shown) == 4 and shown[0][0] == "| 3"
    averages = [float(row[2].split(" ± ")[0]) for row in shown]
    assert averages == sorted(averages, reverse=True)


def test_the_application_has_the_result_of_its_only_search() -> None:
    lines = _described("annotated-search", "application").split("\n\n")
    begins = ("**Best:** numTrees=40, maxDepth=5", "**To do:** ", "**Spark application ")
    assert [line.startswith(begin) for line, begin in zip(lines, begins, strict=False)] == [True] * 3


def test_a_search_whose_best_trial_the_log_does_not_hold_claims_none() -> None:
    text = _described("cv-pipeline", "tuning")
    assert "Best" not in text and "**Trials, longest first**" in text


def test_a_level_is_not_repeated_where_the_name_begins_with_it() -> None:
    for name, first in (("trial 2", "**Trial 2** ran"), ("maxDepth=7", "**Trial maxDepth=7** ran")):
        run = Run("trial", "a/t/2", "a/t", name, "FINISHED", 0, 1000)
        assert describe(run, {}, None, str).startswith(first)


def test_a_streaming_query_shows_its_batches() -> None:
    metrics = {"batches/total": 500.0, "batches/time_s": 100.0, "batches/duration_max_s": 4.2, "tasks/total": 9.0}
    run = Run("query", "app/query/1", "app", "query clicks", "FINISHED", 0, 250_000, metrics)
    text = describe(run, {}, None, lambda key: key)
    assert text.startswith("**Structured streaming query clicks** ran 4 min 10 s.")
    assert "**Result:** 500 batches, mean 200 ms, longest 4.2 s." in text
    one = replace(run, metrics={**metrics, "batches/total": 1.0, "batches/input_rows": 1234.0})
    assert "**Result:** 1 batch, mean 1 min 40 s, longest 4.2 s, 1,234 rows read." in describe(one, {}, None, str)


def test_a_fit_without_a_metric_shows_its_work_and_models_of_groups_their_spread() -> None:
    fit = Run("fit", "a/f", "a", "KMeans", "FINISHED", 0, 4000, {"tasks/total": 3.0, "time/fit_s": 4.0})
    assert describe(fit, {}, None, str).split("\n\n")[1] == "**Result:** 3 tasks."
    spread = {"models/total": 24.0, "models/seconds_median": 0.5, "models/seconds_max": 2.0}
    rows = {"models/rows_median": 310.0, "models/rows_max": 1842.0}
    models = replace(fit, metrics=spread | rows, tags={"afterglow.models.slowest": "oslo"})
    text = "24 models, median 500 ms, longest 2 s (model oslo), median 310 rows, most 1,842"
    assert describe(models, {}, None, str).split("\n\n")[1] == f"**Result:** {text}."


def test_a_search_is_titled_without_its_result() -> None:
    search = Run("tuning", "a/t", "a", "tuning → 0.9 auc · depth=2 · CV1 · 3 folds x 4 trials", "FINISHED", 0, 1000)
    assert describe(search, {}, None, str).startswith("**Hyperparameter search: CV1 · 3 folds x 4 trials** ran 1 s.")


def test_a_task_is_described_too() -> None:
    first, second, *rest = _described("skewed-join", "task").split("\n\n")
    assert first.startswith("**Task attempt t") and second.startswith("**Result:** ")
    assert any(part.startswith("**Figures**") or part.startswith("| figure | value |") for part in rest)


def test_what_to_do_is_the_advice_of_the_most_expensive_finding() -> None:
    (log,) = find_logs([str(sample_log("skewed-join"))])
    root = derive(read_view(log)).application
    costly = [one for one in root.findings if not one.informational]
    first, second, *_ = _described("skewed-join", "application").split("\n\n")
    assert first.startswith("**Spark application ") and second.startswith(f"**To do:** {costly[0].advice}")


def test_fits_are_listed_in_the_order_of_the_time_that_is_shown() -> None:
    """A fit may wait for another trial: its wall time is then longer than its fitting time."""
    trial = Run("trial", "a/t/2", "a/t", "depth=2", "FINISHED", 0, 20_000)
    waited = Run("fit", "a/t/2/0", "a/t/2", "fold 0", "FINISHED", 0, 15_000, {"time/fit_s": 4.0})
    fitted = Run("fit", "a/t/2/1", "a/t/2", "fold 1", "FINISHED", 0, 9_000, {"time/fit_s": 8.0})
    text = describe(trial, {"a/t/2": [waited, fitted]}, None, str)
    assert text.index("fold 1") < text.index("fold 0")
