"""Entry point `mlflow.run_context_provider`: tags every run started while a SparkContext is alive with its application.

So the import finds the run even where the job was never annotated. MLflow asks for `in_context` and `tags` only and
loads this class itself, hence no base class and no import of mlflow; pyspark is looked at, never imported.
"""

from .event_log import active_context

APP_ID_TAG = "spark.app.id"


class SparkRunContext:
    """An MLflow run context provider (mlflow.tracking.context.abstract_context.RunContextProvider), by duck typing."""

    def in_context(self) -> bool:
        """Whether a SparkContext is alive in this process. Never raises."""
        try:
            return active_context() is not None
        except Exception:
            return False

    def tags(self) -> dict[str, str]:
        """`spark.app.id` of the SparkContext alive; empty if it cannot be had. Never raises."""
        try:
            context = active_context()
            return {} if context is None else {APP_ID_TAG: str(context.applicationId)}
        except Exception:
            return {}
