"""Runs: levels, metrics, params and tags, time series, spans."""
