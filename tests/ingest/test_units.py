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


@pytest.mark.node
def test_the_report_shows_the_same() -> None:
    script = Path(report.__file__).parent / "units.js"
    program = f"{script.read_text()}\nconst rows = {json.dumps(EXAMPLES)};\n"
    program += "console.log(JSON.stringify(rows.map(([name, value]) => AfterglowUnits[name](value))));"
    shown = subprocess.run(["node", "-e", program], check=True, capture_output=True, text=True, timeout=60).stdout
    assert json.loads(shown) == [text for _, _, text in EXAMPLES]
