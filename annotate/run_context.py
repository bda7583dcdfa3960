"""Entry point `mlflow.run_context_provider`: tag every run started beside a SparkContext with its application id.

The import then finds the run even where the job was never annotated. MLflow loads this class itself and only calls
`in_context` and `tags`, so it has no base class and imports neither mlflow nor pyspark.
"""

from __future__ import annotations

from .event_log import active_context

APP_ID_TAG = "spark.app.id"


class SparkRunContext:
    """An MLflow run context provider (mlflow.tracking.context.abstract_context.RunContextProvider), by duck typing."""

    def in_context(self) -> bool:
        """Return whether this process has an active SparkContext. Never raises."""
        try:
            return active_context() is not None
        except Exception:
            return False

    def tags(self) -> dict[str, str]:
        """Return `spark.app.id` of the active SparkContext, or nothing where it is unknown. Never raises."""
        try:
            context = active_context()
            return {} if context is None else {APP_ID_TAG: str(context.applicationId)}
        except Exception:
            return {}
