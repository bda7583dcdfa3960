"""Descriptions: figures for people, links to what matters, and nothing from a log that acts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from afterglow.ingest import units
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from afterglow.ingest.publish.description import describe, escape
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
