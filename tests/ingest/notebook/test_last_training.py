"""An application restricted to its last searches and fits."""

import pyarrow.compute as pc

from afterglow.ingest import read
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.diagnose import diagnose
from afterglow.ingest.notebook.last_training import last_training
from afterglow.ingest.pipeline import derive_tree
from afterglow.ingest.read_rows import paused_collector
from tests.conftest import sample_log


def view(name: str) -> ApplicationView:
    with paused_collector():
        return ApplicationView(read(str(sample_log(name))))


def test_it_begins_and_ends_with_the_search() -> None:
    whole = view("annotated-search")
    last = last_training(whole, 1)
    assert last is not None
    (search,) = whole.tables["tunings"].to_pylist()
    assert last.application["name"] == "house-sales search: last search"
    assert (last.start_ms, last.end_ms) == (search["start_time_ms"], search["end_time_ms"])
    assert 0 < len(last) < len(whole) and 0 < len(last.jobs) < len(whole.jobs)
    assert {job["tuning_uid"] for job in last.jobs} == {search["tuning_uid"]}
    (account,) = [row for row in diagnose(last).to_pylist() if row["code"] == "wall_time"]
    assert sum(account["figures"].values() if isinstance(account["figures"], dict) else [last.duration_ms]) == (
        last.duration_ms
    )


def test_tables_below_it_agree() -> None:
    last = last_training(view("tvs-forest"), 1)
    assert last is not None
    stages = last.tables["stages"]["stage_id"].combine_chunks()
    assert pc.all(pc.is_in(last.tables["tasks"]["stage_id"], value_set=stages)).as_py()
    executions = last.tables["sql_executions"]["execution_id"].combine_chunks()
    assert pc.all(pc.is_in(last.tables["sql_nodes"]["execution_id"], value_set=executions)).as_py()
    levels = [run.level for run in derive_tree(last, "none").runs]
    assert levels.count("application") == levels.count("tuning") == 1 and "fit" in levels


def test_none_without_training() -> None:
    assert last_training(view("skewed-join"), 1) is None
