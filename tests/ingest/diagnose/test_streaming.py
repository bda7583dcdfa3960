"""Streams: a receiver is one task by nature, and waiting for the next batch is no fault."""

import json

from tests.ingest.diagnose.builders import Made, task

RECEIVER = {"description": "Streaming job running receiver 0"}
UUID = "5f0c51fc-8b73-4d0a-a1c8-4d2c6bd8a3a1"
BATCH = f"ingest<br/>id = {UUID}<br/>runId = {UUID}<br/>batch = 3"


def test_a_receiver_needs_no_partitions() -> None:
    work = Made(executors=8)
    work.stage([60_000], job=RECEIVER)
    assert work.codes() == [] and "few_partitions" not in str(work.findings())
    assert work.view().critical_path.stages == ()
    plain = Made(executors=8)
    plain.stage([60_000])
    assert plain.codes() == ["few_partitions"]


def test_the_markup_of_a_batch_is_not_in_its_title() -> None:
    work = Made()
    link = '<a href="/streaming/batch/?id=1">[output operation 0, batch time 22:13:21]</a>'
    work.stage([100], job={"description": f"Streaming job from {link}"})
    work.stage([100], job={"description": BATCH})
    app = work.view()
    assert app.job_title(app.jobs[0]).endswith("Streaming job from [output operation 0, batch time 22:13:21]")
    assert app.job_title(app.jobs[1]) == "j1 ingest batch 3"


def test_waiting_for_the_next_micro_batch_is_not_the_driver() -> None:
    def gaps(description: str | None) -> Made:
        work = Made()
        for _ in range(4):
            work.stage([task(1_000)] * 4, job={"description": description})
            work.at += 20_000
        work.stage([task(1_000)] * 4, job={"description": description})
        return work

    assert "no_tasks_running" in {row["code"] for row in gaps(None).findings()}
    assert "no_tasks_running" not in {row["code"] for row in gaps(BATCH).findings()}


def _stream(wait_ms: int, description: str | None = BATCH) -> Made:
    """Sixty batches of one task of 2 s on 8 cores, and what the stream waits after each."""
    work = Made(executors=8)
    for _ in range(60):
        work.stage([2_000], job={"description": description})
        work.at += wait_ms
    return work


def test_cores_that_a_batch_on_time_leaves_idle_are_no_fault() -> None:
    late = {row["code"] for row in _stream(50).findings()}
    assert "idle_cores" in late
    assert "idle_cores" in {row["code"] for row in _stream(8_000, description=None).findings()}
    assert "idle_cores" not in {row["code"] for row in _stream(8_000).findings()}


def test_the_lower_bound_names_the_wait_for_a_trigger() -> None:
    rows = {row["code"]: row for row in _stream(8_000).view().tables["findings"].to_pylist()}
    assert "(8 s of it in the driver, 7 min 52 s waiting for the next micro-batch)" in rows["lower_bound"]["message"]
    figures = json.loads(rows["lower_bound"]["figures"])
    assert (figures["without_jobs_ms"], figures["waiting_ms"]) == (60 * 8_000, 59 * 8_000)
    plain = {row["code"]: row for row in _stream(8_000, None).view().tables["findings"].to_pylist()}
    assert "(8 min of it in the driver)" in plain["lower_bound"]["message"]
