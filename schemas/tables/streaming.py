"""Structured Streaming: the queries of an application and their micro-batches."""

from ..columns import Column, Table

_DESCRIPTION = "derived: JobStart > Properties > spark.job.description, else QueryStartedEvent"

STREAMING_QUERIES = Table(
    "streaming_queries",
    grain="one run of one structured streaming query, from its start to its stop",
    key=("run_id",),
    columns=(
        Column("run_id", "string", "Id of this run of the query.", _DESCRIPTION),
        Column("query_id", "string", "Id of the query, which a restart from its checkpoint keeps.", _DESCRIPTION),
        Column("name", "string", "Name that the query was given.", _DESCRIPTION),
        Column("status", "string", "RUNNING (no end), FINISHED or FAILED.", "derived: from its last event"),
        Column("error_message", "string", "Why it failed.", "QueryTerminatedEvent > exception", "2.1"),
        Column("start_time_ms", "int64", "Start, UTC epoch.", "derived: QueryStartedEvent, else its first batch"),
        Column("end_time_ms", "int64", "End of its last batch, UTC epoch.", "derived: its last batch or job"),
        Column("num_batches", "int64", "Micro-batches that ran.", "derived: count of streaming_batches"),
        Column("num_jobs", "int64", "Spark jobs of its batches.", "derived: count of jobs"),
        Column("input_rows", "int64", "Rows that its batches read.", "derived: sum over streaming_batches"),
        Column("batch_time_ms", "int64", "Time in its batches.", "derived: sum over streaming_batches"),
    ),
)

STREAMING_BATCHES = Table(
    "streaming_batches",
    grain="one micro-batch of one structured streaming query",
    key=("run_id", "batch_id"),
    columns=(
        Column("run_id", "string", "Run of the query.", "QueryProgressEvent > progress > runId"),
        Column("batch_id", "int64", "Number of the batch.", "QueryProgressEvent > progress > batchId"),
        Column(
            "start_time_ms",
            "int64",
            "Start of its trigger, UTC epoch.",
            "derived: QueryProgressEvent > progress > timestamp, else its first job",
        ),
        Column(
            "duration_ms",
            "int64",
            "Duration of its trigger.",
            "derived: QueryProgressEvent > progress > durationMs > triggerExecution, else from first to last job",
        ),
        Column(
            "add_batch_ms",
            "int64",
            "Time of the trigger in which the batch was computed and written.",
            "QueryProgressEvent > progress > durationMs > addBatch",
            "2.1",
        ),
        Column("input_rows", "int64", "Rows that all sources read.", "derived: sum of sources > numInputRows"),
        Column(
            "output_rows",
            "int64",
            "Rows that the sink wrote, where it counts them.",
            "QueryProgressEvent > progress > sink > numOutputRows",
            "3.0",
        ),
        Column("num_jobs", "int64", "Spark jobs of the batch.", "derived: count of jobs"),
    ),
)
