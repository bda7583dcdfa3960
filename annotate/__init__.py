"""Annotations that a training job writes into its own event log.

`autolog()` annotates every search and fit. `run`, `log_*` and `set_tags` add named runs, params, metrics and tags.
`task_metrics` collects numbers from inside tasks, and `models` the models that tasks train, one per group. Nothing here
raises into user code, adds a task or changes a result. The package needs Python 3.8 and the standard library. It
imports pyspark on first use, and never mlflow.
"""

from .autologging import autolog, disable
from .group_models import models
from .loops import trial
from .run_logging import log_metric, log_metrics, log_param, log_params, run, set_tags
from .tasks import task_metrics

__all__ = [
    "autolog",
    "disable",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "models",
    "run",
    "set_tags",
    "task_metrics",
    "trial",
]
