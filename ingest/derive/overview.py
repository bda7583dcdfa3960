"""Choose the runs of an application's overview, which fits the 100 runs of MLflow's page."""

from collections.abc import Sequence
from dataclasses import replace

from ...schemas.runs.levels import LEVELS
from ...schemas.runs.params_tags import VIEW_TAG
from ...schemas.runs.tree import Run

# The page takes the 100 newest runs; a few are left for other applications' roots.
_PAGE = 95


def mark_overview(runs: Sequence[Run]) -> Sequence[Run]:
    """Tag the runs of the overview. Levels are added from the top while they fit the page. Of the first level that does
    not fit, the longest runs are added with their parents. Tasks are never part of it."""
    marked: set[str] = set()
    parents = {run.key: run.parent for run in runs}
    for level in [declared.level for declared in LEVELS if declared.level != "task"]:
        of_level = [run for run in runs if run.level == level]
        for run in sorted(of_level, key=lambda r: (-(r.duration_s or 0.0), r.start_ms, r.key)):
            chain = _with_ancestors(run.key, parents) - marked
            if len(marked) + len(chain) <= _PAGE:
                marked |= chain
    return [replace(run, tags={**run.tags, VIEW_TAG: "overview"}) if run.key in marked else run for run in runs]


def _with_ancestors(key: str, parents: dict[str, str | None]) -> set[str]:
    chain: set[str] = set()
    at: str | None = key
    while at is not None:
        chain.add(at)
        at = parents[at]
    return chain
