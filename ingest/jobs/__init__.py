"""Jobs that Afterglow starts or follows: `submit` and `hook`."""
