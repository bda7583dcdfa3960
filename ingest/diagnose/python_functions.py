"""Find Python functions that Spark calls row by row."""

from collections.abc import Iterator

from ...schemas import spark
from ..application_view import ApplicationView
from ..query_plans import PlanNode
from ..units import count, seconds
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings about stages that run BatchEvalPython; stages of one name are merged later."""
    for stage, row in enumerate(app.stages):
        nodes = [one for one in app.nodes_of_stage.get(row["stage_id"], ()) if one.name == spark.ROW_PYTHON_NODE]
        passed = max((_rows(one) for one in nodes), default=0)
        if not nodes or passed < app.threshold("python_udf", "rows"):
            continue
        rows = app.rows(stage)
        run = float(app.column("executor_run_time_ms")[rows].sum())
        measured = sum(
            float(app.within_run_time(name)[rows].sum()) for name in ("jvm_gc_time_ms", "shuffle_fetch_wait_ms")
        )
        python = max(run - measured - float(app.column("executor_cpu_time_ns")[rows].sum()) / 1e6, 0.0)
        start, end = app.span(stage)
        yield Candidate(
            "python_udf",
            (end - start) * python / max(run, 1.0) * app.threshold("python_udf", "saved_ratio"),
            message=f"Python processed {count(passed)} rows one by one for {seconds(python / 1e3)} of the tasks' "
            f"{seconds(run / 1e3)}. {nodes[0].description[:200]}",
            figures={"rows": passed, "python_ms": python, "run_ms": run}
            | {"sql_execution_id": nodes[0].execution_id, "node_id": nodes[0].node_id},
            **about_stage(app, stage),
        )


def _rows(node: PlanNode) -> int:
    return node.rows or max((child.rows or 0 for child in node.children), default=0)
