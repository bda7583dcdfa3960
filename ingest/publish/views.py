"""Saved views of the experiment's table of runs: filter, order and columns, kept in experiment tags.

MLflow's page opens the tag `mlflow.sharedViewState.<key>` with `?viewStateShareKey=<key>`
(useSharedExperimentViewState.ts). The tag holds the state as JSON, or packed as `deflate;<base64>`; plain JSON is read
by every version. MLflow 3.17 also lists named views in the menu "Views" (savedViewEnvelope.ts).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...schemas.runs.params_tags import APP_ID_TAG, LEVEL_TAG, RESULT_TAG, TO_DO_TAG, VIEW_TAG
from ...schemas.runs.tree import Run, RunTree

VIEW_TAG_PREFIX = "mlflow.sharedViewState."
FIRST_MLFLOW = (2, 12)
"""The oldest MLflow whose page is known to open such a tag."""
_AT_MOST = {"tree": 200, "trials": 50}
"""Views of one kind in an experiment, whose tags the page loads with the experiment. Later ones get a long link."""
_PARAMS, _METRICS = 8, 4
_MAX_VALUE = 5000  # of an experiment tag before MLflow 3 (mlflow.utils.validation.MAX_EXPERIMENT_TAG_VAL_LENGTH)
_OVERVIEW = f"tags.`{VIEW_TAG}` = 'overview'"
_KEY = re.compile(r"[^\w.\-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class View:
    """One view of the table. `key` is derived from its content or its application, never random.

    `name` is its title in the menu "Views"; a view without one is opened by its address only. `place` orders the menu.
    """

    kind: str
    key: str
    name: str | None
    search: str
    order: str
    ascending: bool
    columns: tuple[str, ...]
    place: int = 0
    chart: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """Params and metrics of the parallel coordinates that the page's chart view begins with."""

    @property
    def tag(self) -> str:
        """The experiment tag that holds the view."""
        return VIEW_TAG_PREFIX + self.key

    def _with_duration(self) -> list[str]:
        """The columns after name and creation. The wall time of a trial is last: it mostly waits for other trials."""
        if self.kind == "trials":
            return [*self.columns, _PAGE_DURATION]
        return [_PAGE_DURATION, *self.columns]

    def encode(self) -> str:
        """The tag's value. The fields are repeated at the top, where an MLflow without named views reads them."""
        state = {
            "searchFilter": self.search,
            "orderByKey": self.order,
            "orderByAsc": self.ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "modelVersionFilter": "All Runs",
            "datasetsFilter": [],
            "selectedColumns": list(self.columns),
            "columnOrder": [_NAME, _CREATED, *self._with_duration()],
            "columnWidths": {
                _NAME: 300 if self.kind in ("tree", "trees") else 190,
                _CREATED: 135 if self.order == _START else 125,
                _PAGE_DURATION: 85,
                **{column: _width(column, self.order) for column in self.columns},
            },
            "isAccordionReordered": self.chart is not None,
            **({} if self.chart is None else _parallel_coordinates(*self.chart)),
        }
        if self.name is None:
            return json.dumps(state)
        return json.dumps({"name": self.name, "createdAt": self.place, "state": json.dumps(state), **state})


def _parallel_coordinates(params: Sequence[str], metrics: Sequence[str]) -> dict[str, object]:
    """The state of the chart view (RunsChartsParallelCardConfig in runs-charts.types.ts). The page adds charts."""
    section = {
        "uuid": "afterglow-trials",
        "name": "Params and metric",
        "display": True,
        "isReordered": False,
        "columns": 1,
        "cardHeight": 360,
    }
    card = {
        "type": "PARALLEL",
        "uuid": "afterglow-parallel",
        "metricSectionId": section["uuid"],
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": 100,
        "selectedParams": list(params),
        "selectedMetrics": list(metrics),
        "showAllRuns": False,
    }
    return {"compareRunCharts": [card], "compareRunSections": [section]}


def _width(column: str, order: str) -> int:
    """Pixels that the heading needs, within bounds; the figures need less. The column of the order has a symbol too."""
    if column in _TEXT_WIDTHS:
        return _TEXT_WIDTHS[column]
    heading = column.partition("`")[2].rstrip("`")
    return min(max(30 + 7 * len(heading), 80), 230) + (24 if column == order else 0)


def metric(name: str) -> str:
    """The column of a metric, and its order (makeCanonicalSortKey)."""
    return f"metrics.`{name}`"


def param(name: str) -> str:
    """The column of a param."""
    return f"params.`{name}`"


_NAME, _START = "attributes.`Run Name`", "attributes.start_time"
# Columns that the page always shows (useRunsColumnDefinitions in MLflow 3.17). Without a place in the order the second
# is the last one, out of sight.
_CREATED, _PAGE_DURATION = "runDateAndNestInfo", "duration"
_RESULT, _TO_DO = f"tags.`{RESULT_TAG}`", f"tags.`{TO_DO_TAG}`"
_TEXT_WIDTHS = {_RESULT: 170, _TO_DO: 340}

APPLICATIONS = View(
    "applications",
    "afterglow-applications",
    "Applications",
    f"tags.`{LEVEL_TAG}` = 'application'",
    _START,
    False,
    (
        _RESULT,
        _TO_DO,
        *map(metric, ("findings/cost_s", "findings/critical", "findings/warning", "executors/idle_ratio")),
        *map(metric, ("time/executor_run_s", "tasks/total", "tasks/failed", "shuffle/read_bytes", "spill/disk_bytes")),
        "tags.`afterglow.completeness`",
    ),
    4,
)
TREES = View(
    "trees",
    "afterglow-trees",
    "Applications as trees",
    _OVERVIEW,
    _START,
    False,
    (
        _RESULT,
        *map(metric, ("time/fit_s", "executors/idle_ratio", "shuffle/read_bytes", "spill/disk_bytes")),
        _TO_DO,
    ),
    3,
)
TRIALS = View(
    "trials",
    "afterglow-trials",
    "Trials",
    f"tags.`{LEVEL_TAG}` = 'trial'",
    metric("time/fit_s"),
    False,
    (
        _RESULT,
        *map(metric, ("time/fit_s", "fits/total", "shuffle/read_bytes", "spill/disk_bytes", "executors/idle_ratio")),
    ),
    2,
)
STAGES = View(
    "stages",
    "afterglow-slow-stages",
    "Slow stages",
    f"tags.`{LEVEL_TAG}` = 'stage'",
    metric("time/duration_s"),
    False,
    (
        _TO_DO,
        *map(metric, ("tasks/total", "task_duration_s/p50", "task_duration_s/p95", "task_duration_s/max")),
        *map(metric, ("skew/duration_max_over_median", "shuffle/read_bytes", "spill/disk_bytes", "tasks/failed")),
        f"tags.`{APP_ID_TAG}`",
    ),
    1,
)
STANDARD: Sequence[View] = (APPLICATIONS, TREES, TRIALS, STAGES)
"""The views of every experiment, in the order of the menu."""


def tree_view(app_id: str, runs: Iterable[Run] = ()) -> View:
    """The runs of one application in the order of time, with the evaluation metrics of its searches."""
    scores = _scores(runs)
    return View(
        "tree",
        tree_key(app_id),
        None,
        f"{_OVERVIEW} and tags.`{APP_ID_TAG}` = '{literal(app_id)}'",
        _START,
        True,
        (
            *((_RESULT,) if scores else ()),
            *map(metric, ("time/fit_s", "executors/idle_ratio", "shuffle/read_bytes", "spill/disk_bytes")),
            _TO_DO,
            *(metric(prefix + name) for name in scores for prefix in ("best_", "avg_")),
        ),
    )


def tree_key(app_id: str) -> str:
    """The key of an application's tree."""
    safe = _KEY.sub("_", app_id)
    return safe if safe == app_id and 0 < len(app_id) <= 60 else f"{safe[:40]}_{_digest(app_id)}"


def trials_views(tree: RunTree) -> Mapping[str, View]:
    """Key of a search's run -> the view of its trials: params that differ, metric and deviation, cost.

    Searches with the same params and metric share a tag.
    """
    below, found = tree.children(), dict[str, View]()
    for search in tree.runs:
        if search.level != "tuning":
            continue
        trials = [run for run in below.get(search.key, ()) if run.level == "trial"]
        scores, params = _scores([search])[:_METRICS], tuple(_different_params(trials))
        if not trials or not (scores or params):
            continue
        columns = (  # the params are in the names already
            *(metric(f"avg_{name}") for name in scores),
            metric("time/fit_s"),
            *(metric(f"std_{name}") for name in scores),
            *map(param, params),
            *map(metric, ("shuffle/read_bytes", "spill/disk_bytes")),
        )
        uid = search.tags.get("afterglow.tuning.uid", "")
        where = f"{TRIALS.search} and tags.`afterglow.tuning.uid` = '{literal(uid)}'"
        order = metric(f"avg_{scores[0]}") if scores else metric("time/fit_s")
        chart = (params, (*(f"avg_{name}" for name in scores), "time/fit_s"))
        found[search.key] = View(
            "trials",
            f"afterglow-trials-{_digest(where, order, *columns)}",
            None,
            where,
            order,
            False,
            columns,
            chart=chart if params else None,
        )
    return found


def missing(wanted: Iterable[View], held: Mapping[str, str]) -> list[View]:
    """The views whose tags are to be written to an experiment with these tags, within the limit of each kind."""
    number = {kind: _number(kind, held) for kind in _AT_MOST}
    found = []
    for view in wanted:
        if view.tag not in held and view.kind in number and view not in STANDARD:
            if number[view.kind] >= _AT_MOST[view.kind]:
                continue
            number[view.kind] += 1
        value = view.encode()
        if len(value) <= _MAX_VALUE and held.get(view.tag) != value:
            found.append(view)
    return found


def is_own(tag: str, value: str) -> bool:
    """Whether an experiment's tag is a view that Afterglow wrote."""
    key = tag.removeprefix(VIEW_TAG_PREFIX)
    return key != tag and (key.startswith("afterglow-") or _is_tree(value))


def literal(text: str) -> str:
    """A value inside a search filter's quotes. The filter language cannot escape quotes."""
    return text.replace("'", "").replace("\\", "")


def _number(kind: str, held: Mapping[str, str]) -> int:
    ours = [tag for tag in held if tag.startswith(VIEW_TAG_PREFIX)]
    trials = sum(tag.startswith(f"{VIEW_TAG_PREFIX}{TRIALS.key}-") for tag in ours)
    return trials if kind == "trials" else sum(_is_tree(held[tag]) for tag in ours)


def _is_tree(value: str) -> bool:
    return _OVERVIEW in value and f"tags.`{APP_ID_TAG}`" in value


def _scores(runs: Iterable[Run]) -> list[str]:
    names = dict.fromkeys(run.tags.get("afterglow.tuning.metric") for run in runs if run.level == "tuning")
    return [name for name in names if name][:_METRICS]


def _different_params(trials: Sequence[Run]) -> list[str]:
    names = dict.fromkeys(name for run in trials for name in run.params)
    return [name for name in names if len({run.params.get(name) for run in trials}) > 1][:_PARAMS]


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "replace")).hexdigest()[:10]
