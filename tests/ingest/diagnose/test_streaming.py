"""Streams: a receiver is one task by nature, and waiting for the next batch is no fault."""

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
    assert app.job_title(app.jobs[1]).endswith("batch = 3")


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
