"""What each run read: all sources for the application, and the training data for searches and fits."""

from collections.abc import Iterable, Mapping, Sequence

from ...schemas.runs.tree import Run, Source
from ..application_view import ApplicationView

_TRAINING = ("tuning", "fit")


def sources_of_runs(
    app: ApplicationView, runs: Sequence[Run], stages: Mapping[str, int]
) -> Mapping[str, Sequence[Source]]:
    """Key of a run -> the sources that it read. `stages` maps the keys of stage runs to positions in `app.stages`.

    A stage reads the sources of its SQL execution. A stage on RDDs reads those of the executions whose stages have the
    same source or persisted RDDs: MLlib trains on the RDD of a DataFrame, which another execution may have cached. If
    there is only one source, it is what any other stage with input read.
    """
    of_execution: dict[int, dict[Source, None]] = {}
    for row in app.tables["sql_scans"].to_pylist():
        source = Source(row["format"], row["location"], row["table_name"])
        of_execution.setdefault(row["execution_id"], {})[source] = None
    everything = _union(of_execution.values())
    found: dict[str, dict[Source, None]] = {runs[0].key: everything}
    if not everything:
        return {}
    of_stage = _sources_of_stages(app, of_execution, everything)
    by_key = {run.key: run for run in runs}
    for run in runs:
        own = of_stage.get(stages.get(run.key, -1))
        above = by_key.get(run.parent or "")
        while own and above is not None:
            if above.level in _TRAINING:
                found.setdefault(above.key, {}).update(own)
            above = by_key.get(above.parent or "")
    return {key: tuple(sources) for key, sources in found.items()}


def _sources_of_stages(
    app: ApplicationView, of_execution: Mapping[int, Mapping[Source, None]], everything: dict[Source, None]
) -> dict[int, dict[Source, None]]:
    execution_of = {job["job_id"]: job["sql_execution_id"] for job in app.jobs}
    of_rdd: dict[int, dict[Source, None]] = {}
    of_stage: dict[int, dict[Source, None]] = {}
    for stage, row in enumerate(app.stages):
        execution = execution_of.get(row["job_id"])
        own = of_execution.get(execution) if execution is not None else None
        if own:
            of_stage[stage] = dict(own)
            for rdd in _rdds(row):
                of_rdd.setdefault(rdd, {}).update(own)
    for stage, row in enumerate(app.stages):
        shared = _union(of_rdd[rdd] for rdd in _rdds(row) if rdd in of_rdd)
        if not shared and row["input_bytes"] and len(everything) == 1:
            shared = everything
        if shared and stage not in of_stage:
            of_stage[stage] = shared
    return of_stage


def _rdds(stage: Mapping[str, Sequence[int] | None]) -> list[int]:
    return [*(stage["source_rdd_ids"] or ()), *(stage["persisted_rdd_ids"] or ())]


def _union(sources: Iterable[Mapping[Source, None]]) -> dict[Source, None]:
    return {source: None for one in sources for source in one}
