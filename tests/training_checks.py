"""Score the searches and fits of an export against the truth of every Spark job, with the checkers in ../shared.

    python -m tests.training_checks EXPORT [FOLDER]

EXPORT holds the tables of every log of FOLDER (../shared). A figure below its floor, and a search or fit in a log that
does not train, is an error: it exits 1. Where the folder is missing it says that nothing was scored.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

FLOORS: Mapping[str, float] = {
    "search": 1.0,
    "trial": 1.0,
    "structure": 1.0,
    "phase": 1.0,
    "fit": 0.98,
    "evaluated": 0.95,
    "estimator": 0.98,
}
"""What is asked of every log, as a share of its jobs."""
UNCERTAIN: Mapping[str, Mapping[str, float]] = {
    "joblib_grid-4.3.0": {"trial": 0.0},  # joblib does not say which candidate a job was
    "optuna_mllib-4.3.0": {"trial": 0.0, "structure": 0.55},  # two threads: evaluations stay unpaired
    "xgb_cv-3.5.9": {"estimator": 0.0},  # the log does not hold the class
    "xgb_plain-4.3.0": {"estimator": 0.0},
}
"""What a log cannot tell: the lower floors of such logs."""
TUNING_FLOORS: Mapping[str, float] = {"cv_parallel-4.3.0": 0.89}
"""The floor of `structure` where trials of unmodified jobs ran side by side. Elsewhere it is 1."""

TRAINS: Mapping[str, Mapping[str, int]] = {"app-20221221223542-0001": {"fits": 1}}
"""The rows of the applications in `logs` that train: an XGBoostClassifier of xgboost4j-spark. No other one does."""


def scores(checker: Path, export: Path, truth: Path) -> dict[str, float]:
    """Name of a figure -> its value, as a checker prints it; figures with nothing to score are left out."""
    printed = subprocess.run(
        [sys.executable, str(checker), str(export), str(truth)], check=True, capture_output=True, text=True
    ).stdout
    (line,) = printed.strip().splitlines()[-1:]
    print(line)
    return {name: float(value) for name, value in re.findall(r"(\w+) (\d\.\d+)", line)}


def below_floor(shared: Path, export: Path) -> Iterator[str]:
    """One line for every figure that is below its floor."""
    for truth in sorted(shared.glob("frameworks/*/truth.json")):
        name = truth.parent.name
        found = scores(shared / "tools" / "frameworks_agree.py", export, truth)
        floors = {**FLOORS, **UNCERTAIN.get(name, {})}
        yield from (f"{name}: {f} {v} < {floors[f]}" for f, v in found.items() if f in floors and v < floors[f])
    for truth in sorted(shared.glob("tuning/*/truth.json")):
        name = truth.parent.name
        if "jobs" in json.loads(truth.read_text()):
            structure = scores(shared / "tools" / "tuning_agrees.py", export, truth)["structure"]
            if structure < TUNING_FLOORS.get(name, 1.0):
                yield f"{name}: structure {structure}"


def claims(shared: Path, export: Path) -> Iterator[str]:
    """One line for every search or fit in an application whose log is in `logs` and that does not train, or fewer than
    there are where it does."""
    with_truth = {json.loads(path.read_text())["app_id"] for path in shared.glob("*/*/truth.json")}
    for folder in sorted(path for path in export.iterdir() if path.is_dir()):
        if folder.name not in with_truth:
            for table in ("tunings", "fits"):
                path = folder / f"{table}.parquet"
                rows = pq.ParquetFile(path).metadata.num_rows if path.exists() else 0
                if rows != TRAINS.get(folder.name, {}).get(table, 0):
                    yield f"{folder.name}: {rows} rows in {table}"


def main() -> int:
    """Run; the exit code."""
    export = Path(sys.argv[1])
    shared = Path(sys.argv[2] if len(sys.argv) > 2 else "../shared")
    if not shared.is_dir():
        print(f"{shared}: not there, nothing was scored")
        return 0
    wrong = [*below_floor(shared, export), *claims(shared, export)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(wrong)} figures below their floor or false claims")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
