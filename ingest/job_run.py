"""One run of a job, from its run tree or from the tags and metrics of its run."""

from collections.abc import Mapping

from ..schemas.job_history import FINDINGS_TAG, JOB_TAG, METRICS, REGRESSION_TAG, SINCE_TAG, JobRun
from ..schemas.orchestrators import ORCHESTRATORS
from ..schemas.prices import CURRENCY_TAG
from ..schemas.runs.params_tags import APP_ID_TAG, ATTEMPT_TAG, COMPLETENESS_TAG, FINGERPRINT_TAG
from ..schemas.runs.tree import RunTree


def job_run_of_tree(tree: RunTree) -> JobRun | None:
    """The application of this tree as a run of its job; None if it has none."""
    root = tree.application
    return job_run_of(root.tags, root.metrics, root.name, root.status, root.start_ms)


def stored_job_run(
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    name: str,
    status: str,
    start_ms: int,
    run_id: str,
    url: str | None = None,
) -> JobRun | None:
    """As `job_run_of`, of an application's run in a store. None while its tree is incomplete, because its figures are
    written last."""
    return job_run_of(tags, metrics, name, status, start_ms, run_id, url) if tags.get(FINGERPRINT_TAG) else None


def job_run_of(
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    name: str,
    status: str,
    start_ms: int,
    run_id: str | None = None,
    url: str | None = None,
) -> JobRun | None:
    """The application with these tags and metrics as a run of its job; None if it has none."""
    if JOB_TAG not in tags:
        return None
    pairs = (text.partition("=") for text in filter(None, tags.get(FINDINGS_TAG, "").split(", ")))
    return JobRun(
        tags[JOB_TAG],
        tags.get(APP_ID_TAG, ""),
        tags.get(ATTEMPT_TAG),
        name,
        start_ms,
        status,
        tags.get(COMPLETENESS_TAG, "complete"),
        {metric: metrics[metric] for metric in METRICS if metric in metrics},
        {code: severity for code, _, severity in pairs},
        tags.get(REGRESSION_TAG, ""),
        tags.get(SINCE_TAG, ""),
        run_id,
        url,
        {
            f"{one.name}.{field.name}": tags[one.tag(field.name)]
            for one in ORCHESTRATORS
            for field in one.fields
            if one.tag(field.name) in tags
        },
        tags.get(CURRENCY_TAG, ""),
    )
