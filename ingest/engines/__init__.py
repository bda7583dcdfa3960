"""Many logs: in a local process pool or on a Spark cluster."""
