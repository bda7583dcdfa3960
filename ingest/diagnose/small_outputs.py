"""Find writes of many small files."""

from collections.abc import Iterator

from ..application_view import ApplicationView
from ..query_plans import FILES_WRITTEN, OUTPUT_BYTES
from ..units import count, seconds, size
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per write. Its cost is the time to open and close the files, not to write their rows."""
    for plan in app.plans:
        for node in plan:
            files, written = node.metrics.get(FILES_WRITTEN, 0), node.metrics.get(OUTPUT_BYTES)
            if files < app.threshold("small_output", "files") or written is None:
                continue
            if written / files > app.threshold("small_output", "file_bytes"):
                continue
            stages = [at for stage in plan.stages_of(node) for at in app.stages_by_id.get(stage, ())]
            if not stages:
                continue
            worst = max(stages, key=lambda at: app.span(at)[1] - app.span(at)[0])
            start, end = app.span(worst)
            spent = files * app.threshold("small_output", "file_s") * 1e3 / float(app.at_once[worst])
            yield Candidate(
                "small_output",
                min(spent, float(end - start)),
                message=f"It wrote {count(files)} files of {size(written / files)} each, in "
                f"{seconds((end - start) / 1e3)}.",
                figures={"num_files": files, "bytes": written, "node_id": node.node_id}
                | {"sql_execution_id": node.execution_id},
                stages=(worst,),
                **{**about_stage(app, worst), "group": None},
            )
