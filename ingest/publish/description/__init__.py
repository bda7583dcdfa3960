"""Write a run's description in Markdown: what it was, what to do, its result, then findings, figures and links.

MLflow's page shows four to five lines of text and folds the rest, so the first ones hold the answer. The best trial
comes before everything else.
"""

from collections.abc import Iterable, Mapping, Sequence

from ....schemas.job_history import REGRESSION_TAG
from ....schemas.runs.tree import Run
from ...units import count
from .children import descendant_stages, links_to_training_runs, list_children, list_tasks
from .costs import list_costs
from .figures import figures
from .findings import list_findings, remarks, what_to_do
from .headline import headline
from .result import result
from .text import Link, escape, linked
from .trials import list_trials

__all__ = ["Link", "describe", "escape", "links_to_training_runs"]


def describe(
    run: Run, below: Mapping[str, Sequence[Run]], parent: Run | None, link: Link, tasks: Iterable[Run] = ()
) -> str:
    """The description of any run.

    `below` is RunTree.children(), `link` returns the address of any run of the tree, `tasks` are the tasks of a stage.
    """
    came_out, to_do = result(run, below, link), what_to_do(run, link)
    best = came_out.startswith("**Best")
    lines = [came_out, to_do, headline(run)] if best else [headline(run), to_do, came_out]
    regression = run.tags.get(REGRESSION_TAG)
    if regression:
        kinds, _, text = regression.partition(": ")
        lines.insert(0, f"**Regression ({kinds}):** {escape(text, 600)}")
    failure = run.tags.get("spark.failure_reason")
    if failure:
        lines.append(f"**Failed:** {escape(failure, 300)}")
    lines.append(list_trials(run, below, link))
    lines.append(list_costs(run, below, link))
    lines.append(list_findings(run, link))
    stages = descendant_stages(run, below) if run.level == "application" else []
    lines.extend(list_children([*below.get(run.key, ()), *stages], link))
    lines.extend(list_tasks(tasks, link))
    lines.append(figures(run))
    lines.extend(remarks(run))
    for things in ("jobs", "stages", "tasks"):
        number = run.tags.get(f"afterglow.{things}_without_run")
        if number:
            lines.append(
                f"{count(float(number))} {things} have no run of their own; "
                f"they are in `tables/{things}.parquet` of the application's artifacts."
            )
    if parent is not None:
        lines.append(f"Part of {linked(parent, link)}.")
    return "\n\n".join(line for line in lines if line)
