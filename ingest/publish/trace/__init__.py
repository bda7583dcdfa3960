"""The writer for MLflow traces."""
