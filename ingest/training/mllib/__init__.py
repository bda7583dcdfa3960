"""CrossValidator and TrainValidationSplit of unmodified classic Spark jobs."""
