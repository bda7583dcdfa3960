"""The refit of a search as a run of its own."""

from typing import Any

import pyarrow as pa
import pytest

from afterglow.ingest.derive.refits import refit_branches
from afterglow.ingest.derive.searches import job_parent

NO_FITS = pa.table({name: pa.array([], pa.int64()) for name in ("tuning_uid", "fit_uid", "trial", "fold")})


def job(number: int, start: int | None, end: int | None, phase: str = "refit", status: str = "SUCCEEDED") -> Any:
    place = {"tuning_uid": "cv", "trial": None, "fold": None, "fit_uid": None, "phase": phase, "annotated_run": None}
    return {"job_id": number, "submission_time_ms": start, "completion_time_ms": end, "status": status, **place}


def refits(*jobs: Any) -> list[Any]:
    tuning = {"tuning_uid": "cv", "estimator_class": "LogisticRegression", "estimator_uid": "lr_1"}
    return refit_branches({"fits": NO_FITS, "tunings": pa.Table.from_pylist([tuning])}, "app", jobs)  # type: ignore[arg-type]


def test_a_refit_spans_its_jobs() -> None:
    jobs = [job(1, 100, 150, "prepare"), job(7, 1000, 1400), job(8, 1500, 3000)]
    (found,) = refits(*jobs)
    assert (found.level, found.name, found.key, found.parent) == (
        "fit",
        "refit",
        "app/tuning/cv/refit",
        "app/tuning/cv",
    )
    assert (found.start_ms, found.end_ms, found.status) == (1000, 3000, "FINISHED")
    assert found.metrics == {"time/fit_s": 2.0} and found.tags["afterglow.phase"] == "refit"
    keys = {found.key, "app/tuning/cv"}
    assert [job_parent("app", one, keys) for one in jobs] == ["app/tuning/cv", found.key, found.key]


@pytest.mark.parametrize(
    ("jobs", "end", "status"),
    [
        ([job(7, 1000, None)], None, None),
        ([job(7, 1000, 1400, status="FAILED")], 1400, "FAILED"),
    ],
)
def test_a_refit_ends_as_its_jobs_do(jobs: list[Any], end: int | None, status: str | None) -> None:
    (found,) = refits(*jobs)
    assert (found.end_ms, found.status) == (end, status)


def test_a_search_without_jobs_of_a_refit_has_none() -> None:
    assert refits(job(1, 100, 150, "prepare")) == refits(job(1, None, None)) == []
