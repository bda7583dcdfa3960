"""Names of runs: the telling part first."""

import pytest

from afterglow.ingest.run_names import job_name, plain_text, stage_name, task_name, trial_name


def job(name: str | None, description: str | None = None) -> dict[str, object]:
    return {"job_id": 243, "name": name, "description": description}


@pytest.mark.parametrize(
    ("name", "description", "execution", "shown"),
    [
        ("count at Main.scala:12", "write scores.parquet", None, "j243 write scores.parquet"),
        ("collect at /home/ann/train.py:24", None, None, "j243 collect train:24"),
        (
            "$anonfun$withThreadLocalCaptured$1 at CompletableFuture.java:1768",
            None,
            "show at eda.py:9",
            "j243 show eda:9",
        ),
        ("showString at NativeMethodAccessorImpl.java:0", None, None, "j243 showString"),
        ("run at ThreadPoolExecutor.java:1149", None, None, "j243"),
        (None, '<a href="/jobs">nightly</a><br/>step &amp; check', None, "j243 nightly step & check"),
        (None, None, None, "j243"),
    ],
)
def test_a_job_is_named_by_what_says_most(
    name: str | None, description: str | None, execution: str | None, shown: str
) -> None:
    assert job_name(job(name, description), execution and {"description": execution}) == shown


def test_a_stage_names_the_class_and_line_and_its_later_attempts() -> None:
    stage = {"stage_id": 38, "stage_attempt": 0, "name": "$anonfun$main$1 at RandomForest.scala:730"}
    assert stage_name(stage, None, None) == "s38 RandomForest:730"
    assert stage_name({**stage, "stage_attempt": 1}, None, None) == "s38.1 RandomForest:730"


def test_a_trial_is_named_by_its_params_and_by_its_number_without() -> None:
    assert trial_name({"trial": 3, "params_json": '{"RF.maxDepth": 7, "RF.subsamplingRate": 0.50}'}) == (
        "maxDepth=7 subsamplingRate=0.5"
    )
    assert trial_name({"trial": 1, "params_json": '{"A.reg": 1, "B.reg": 2}'}) == "A.reg=1 B.reg=2"
    for text in (None, "", "not json", "[1]"):
        assert trial_name({"trial": 3, "params_json": text}) == "trial 3"


def test_a_task_says_why_it_has_a_run() -> None:
    task = {"index": 5, "attempt": 1, "executor_id": "2"}
    assert task_name(task, "straggler") == "t5.1 straggler executor 2"
    assert task_name({**task, "attempt": 0, "executor_id": "driver"}, None) == "t5"


def test_markup_and_lines_become_plain_text() -> None:
    assert plain_text("a<br>b\n c &lt;d&gt;") == "a b c <d>"
