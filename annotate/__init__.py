"""What may run inside the training job: one line, and its event log says what belongs to which trial.

`autolog()` annotates every MLlib search and fit; `run`, `log_*` and `set_tags` say anything else; `task_metrics` takes
values from inside tasks. Nothing here raises into user code, adds a task or changes a result. pyspark is imported when
first used, mlflow never.
"""

from .autologging import autolog, disable
from .runs import log_metric, log_metrics, log_param, log_params, run, set_tags
from .tasks import task_metrics

__all__ = [
    "autolog",
    "disable",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "run",
    "set_tags",
    "task_metrics",
]
