"""Figures as people read them: one table of examples that Python and the report's JavaScript both pass."""

import json
import subprocess
from pathlib import Path

import pytest

from afterglow.ingest import report, units

EXAMPLES = json.loads((Path(__file__).parent / "unit_examples.json").read_text())


@pytest.mark.parametrize(("function", "value", "text"), EXAMPLES)
def test_a_figure_is_shown(function: str, value: float, text: str) -> None:
    assert getattr(units, function)(value) == text


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (0.917, 0.00612, "0.9170 ± 0.0061"),
        (0.9447710124203943, None, "0.9448"),
        (52341.5, 812.3, "52,342 ± 812"),
        (1.0, 0.0, "1.000"),
    ],
)
def test_scores_of_a_column_have_equally_many_digits(value: float, deviation: float | None, text: str) -> None:
    assert units.score(value, deviation) == text


def test_a_figure_and_its_unit_stay_on_one_line() -> None:
    text = "Of 1 min 57 s: 51.8 s computing (44 %), 20 GB in 3 stages"
    assert units.unbroken(text).split(" ") == [
        *("Of", "1\xa0min", "57\xa0s:", "51.8\xa0s", "computing"),
        *("(44\xa0%),", "20\xa0GB", "in", "3", "stages"),
    ]


@pytest.mark.node
def test_the_report_shows_the_same() -> None:
    script = Path(report.__file__).parent / "units.js"
    program = f"{script.read_text()}\nconst rows = {json.dumps(EXAMPLES)};\n"
    program += "console.log(JSON.stringify(rows.map(([name, value]) => AfterglowUnits[name](value))));"
    shown = subprocess.run(["node", "-e", program], check=True, capture_output=True, text=True, timeout=60).stdout
    assert json.loads(shown) == [text for _, _, text in EXAMPLES]
