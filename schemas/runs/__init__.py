"""What a run carries: levels, metrics, params and tags, time series, spans."""
