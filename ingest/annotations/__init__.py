"""Annotations that the training job wrote into its event log, applied to tables and runs."""
