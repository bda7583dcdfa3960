"""The writer that uses the MLflow tracking API."""
