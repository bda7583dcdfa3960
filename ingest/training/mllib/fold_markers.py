"""Find the RDDs and plans that are one side of one fold of a search, by their names.

PySpark (pyspark.ml.tuning.CrossValidator._kFold, TrainValidationSplit._fit) filters on a random column named after the
search; with `foldCol` it filters on that column behind a check of its values. Scala (MLUtils.kFold) samples partitions.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..evidence import Job, Rdd

Side = Literal["train", "validate"]
Source = Literal["plan", "lineage", "stack"]

_COLUMN = re.compile(r"(\w+)_rand#(\d+)")
_BOUND = re.compile(r"\w+_rand#\d+L? (>=|<) ([\d.Ee+-]+)")
# 3.1 to 4.2 check the fold column with a Python UDF of this name, 4.3 with raise_error
_FOLD_CHECK = re.compile(r"checker\(|Fold number must be in range")
_FOLD_FILTER = re.compile(r"Filter (.+) (=|<>) (\d+)\)+(?:\.\.\.)?\s*$")
_NARROWEST_FOLD = 1e-6  # of all rows; a log may hold any number as a bound
_SAMPLED = "PartitionwiseSampledRDD"
_SAMPLED_BY = " at MLUtils.scala:"  # org.apache.spark.mllib.util.MLUtils.kFold
_SAMPLE = re.compile(r"^(?:\*\(\d+\) )?Sample ([\d.Ee+-]+), ([\d.Ee+-]+), (?:false|true), (-?\d+)")


@dataclass(frozen=True, slots=True)
class FoldMarker:
    """One side of one fold. `search` distinguishes searches as far as the name allows; `fold` orders the folds."""

    search: tuple[str, ...]
    uid: str | None
    kind: str | None
    fold: float
    side: Side
    source: Source
    num_folds: int | None = None


def marker_of_text(text: str) -> FoldMarker | None:
    """The marker of a plan or Filter node, from the bounds of its outermost filter on a random column."""
    column = _COLUMN.search(text)
    if column is None:
        return None
    uid, expression = column[1], column[2]
    line = next((line for line in text.split("\n") if column[0] in line and _BOUND.search(line)), "")
    bounds = [(sign, _number(value)) for sign, value in _BOUND.findall(line)]
    if not bounds or any(value is None for _, value in bounds):
        return None
    search = ("column", uid, expression)
    if len(bounds) == 1:
        return FoldMarker(
            search, uid, "TrainValidationSplit", 0.0, "train" if bounds[0][0] == "<" else "validate", "plan", 1
        )
    low = next((value for sign, value in bounds if sign == ">="), None)
    high = next((value for sign, value in bounds if sign == "<"), None)
    if low is None or high is None:
        return None
    inside = bounds[0][0] == ">="  # (x >= lo) AND (x < hi) is the validation side, (x < lo) OR (x >= hi) the rest
    first, last = (low, high) if inside else (high, low)
    width = last - first
    folds = round(1 / width) if width > _NARROWEST_FOLD else None
    return FoldMarker(search, uid, "CrossValidator", first, "validate" if inside else "train", "plan", folds)


def markers_of_rdds(rdds: Mapping[int, Rdd]) -> dict[int, FoldMarker]:
    """RDD id -> marker, for every RDD whose name or origin shows a fold."""
    markers: dict[int, FoldMarker] = {}
    for rdd in rdds.values():
        marker = marker_of_text(rdd.name) if "_rand#" in rdd.name else _fold_column(rdd) if rdd.cached else None
        if marker is not None and (rdd.cached or marker.source != "lineage"):
            markers[rdd.rdd_id] = marker
    markers.update(_sampled(rdds.values()))
    return markers


def mark_cut_names(rdds: Mapping[int, Rdd], markers: dict[int, FoldMarker], evaluated: Container[int]) -> None:
    """Add folds of a fold column whose filter is missing from the name, which InMemoryRelation cuts at 1,024
    characters. `evaluated` are the RDDs that evaluators' jobs read. The other folds are inferred from the alternation
    of the two sides.
    """
    cut = [r for r in sorted(rdds) if r not in markers and rdds[r].cached and _FOLD_CHECK.search(rdds[r].name)]
    fold, before = -1, "validate"
    for rdd_id in cut:
        side: Side = "validate" if rdd_id in evaluated else "train"
        fold += side == "train" and before == "validate"
        before = side
        markers[rdd_id] = FoldMarker(("fold column", ""), None, "CrossValidator", float(max(fold, 0)), side, "lineage")


def _fold_column(rdd: Rdd) -> FoldMarker | None:
    """The fold column, if a cached plan includes or excludes one value of a checked fold column."""
    if not _FOLD_CHECK.search(rdd.name):
        return None
    for line in rdd.name.split("\n"):
        match = _FOLD_FILTER.search(line)
        if match:
            side: Side = "train" if match[2] == "<>" or "NOT (" in line else "validate"
            column = match[1].rsplit(" AND ", 1)[-1].replace("NOT ", "").strip("( ")
            return FoldMarker(("fold column", column), None, "CrossValidator", float(match[3]), side, "lineage")
    return None


def mark_checked(jobs: Iterable[Job], markers: dict[int, FoldMarker]) -> None:
    """Add the folds of Scala's fold column. MLUtils.kFold(df, numFolds, foldColName) checks whether each fold's
    training RDD is empty, and then its validation RDD. The fold's data are made from the same RDDs."""
    checks: list[int] = []
    number = 0
    for job in jobs:
        if not is_check(job):
            checks, number = [], number + bool(checks)
            continue
        if job.rdds:
            fold, which = divmod(len(checks), 2)
            side: Side = "validate" if which else "train"
            markers[max(job.rdds)] = FoldMarker(
                ("checked", str(number)), None, "CrossValidator", float(fold), side, "stack"
            )
        checks.append(job.job_id)


def is_check(job: Job) -> bool:
    """Whether the job only checks if a fold is empty."""
    return job.action.startswith("isEmpty" + _SAMPLED_BY)


def _sampled(rdds: Iterable[Rdd]) -> dict[int, FoldMarker]:
    """Samples made by Scala. They count only if a stack trace names the search, because randomSplit makes the same
    ones."""
    markers: dict[int, FoldMarker] = {}
    families: dict[int, list[int]] = {}
    for rdd in rdds:
        if rdd.name == _SAMPLED and rdd.parents and _SAMPLED_BY in rdd.callsite:
            families.setdefault(rdd.parents[0], []).append(rdd.rdd_id)
        match = _SAMPLE.match(rdd.name) if rdd.cached else None
        low = _number(match[1]) if match else None
        if match and low is not None:
            side: Side = "train" if low == 0 else "validate"
            markers[rdd.rdd_id] = FoldMarker(("sample", match[3]), None, "TrainValidationSplit", 0.0, side, "stack", 1)
    for parent, ids in families.items():
        first = min(ids)
        for rdd_id in ids:
            fold, which = divmod(rdd_id - first, 2)
            markers[rdd_id] = FoldMarker(
                ("sampled", str(parent)), None, "CrossValidator", float(fold), "train" if which else "validate", "stack"
            )
    return markers


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
