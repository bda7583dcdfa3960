"""The writer that inserts into the tables of the MLflow database."""
