"""Every declared finding and cause is raised by a test of this folder, and what is declared is sound."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from afterglow.schemas.findings import FINDING_CODES, FINDINGS
from afterglow.schemas.findings.interface import ANY, FindingCode
from afterglow.schemas.findings.threshold_overrides import Thresholds, declared, thresholds


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str | None]]:
    """Code and cause of every finding that the cases of this folder raise when they run."""
    out = tmp_path_factory.mktemp("raised") / "found.json"
    folder = Path(__file__).parent
    cases = [str(path) for path in folder.glob("test_*.py") if path.name not in (Path(__file__).name, "test_shown.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *cases]
    environment = {**os.environ, "AFTERGLOW_FOUND": str(out)}
    subprocess.run(command, env=environment, cwd=folder.parents[2], check=False, capture_output=True, timeout=600)
    return {(code, cause) for code, cause in json.loads(out.read_text())}


@pytest.mark.parametrize("code", FINDINGS, ids=lambda code: code.code)
def test_a_case_raises_every_code(code: FindingCode, raised: set[tuple[str, str | None]]) -> None:
    assert code.code in {name for name, _ in raised}


@pytest.mark.parametrize("cause", [(f.code, c.name) for f in FINDINGS for c in f.causes], ids=":".join)
def test_a_case_raises_every_cause(cause: tuple[str, str], raised: set[tuple[str, str | None]]) -> None:
    assert cause in raised


@pytest.mark.parametrize("code", FINDINGS, ids=lambda code: code.code)
def test_what_is_declared_is_whole_sentences(code: FindingCode) -> None:
    assert code.doc.endswith(".") and code.advice.endswith(".") and code.formula and code.cost
    assert all(one.doc.endswith(".") for one in code.thresholds)
    assert all(one.doc.endswith(".") and one.advice.endswith(".") for one in code.causes)


def test_thresholds_may_be_set_otherwise() -> None:
    given = thresholds([("skew.time_ratio", "4"), ("any.cost_s", 7)])
    assert given("skew", "time_ratio") == 4 and given("straggler", "time_ratio") == 3
    assert given("skew", "cost_s") == 7 == given("idle_cores", "cost_s")
    assert Thresholds()("idle_cores", "cost_s") == declared("idle_cores")["cost_s"] != declared(ANY)["cost_s"]
    assert given.identity != Thresholds().identity == thresholds([("skew.time_ratio", 2)]).identity


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("skw.time_ratio", 1, "unknown finding 'skw'; valid: any, skew, "),
        ("skew.tim", 1, "unknown threshold 'skew.tim'; valid for skew: skew.cost_s, "),
        ("skew", 1, "unknown threshold 'skew'"),
        ("critical_path.cost_s", 1, "valid for critical_path: none"),
        ("skew.tasks", "many", "'many' is not a number"),
        ("skew.tasks", True, "is not a number"),
        ("skew.tasks", -1, "is not a number of at least 0"),
        ("skew.tasks", "nan", "is not a number"),
    ],
)
def test_what_is_no_threshold_is_told_with_what_is(key: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        thresholds([(key, value)])


def test_every_code_has_a_name_of_its_own() -> None:
    assert len(FINDING_CODES) == len(FINDINGS) and ANY not in FINDING_CODES
