"""A batch that holds the beginning of a log is split there, whichever reader filled it."""

import pytest

from afterglow.ingest import decode, extract
from afterglow.ingest.decode.native.scanner import Scanner

EARLIER = b'{"Event":"SparkListenerApplicationEnd","Timestamp":1750000009000}\n'
LOG_START = b'{"Event":"SparkListenerLogStart","Spark Version":"4.0.0"}\n'


def task_end(task_id: int) -> bytes:
    return (
        b'{"Event":"SparkListenerTaskEnd","Stage ID":5,"Stage Attempt ID":0,"Task Type":"ResultTask",'
        b'"Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":%d,"Index":2,"Attempt":0,'
        b'"Launch Time":1750000003020,"Executor ID":"1","Host":"host-1","Locality":"ANY","Speculative":false,'
        b'"Getting Result Time":0,"Finish Time":1750000003088,"Failed":false,"Killed":false,"Accumulables":[]},'
        b'"Task Metrics":{"Executor Run Time":58,"Executor CPU Time":30000000}}\n' % task_id
    )


@pytest.mark.native
@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("native", [False, True])
def test_a_split_batch_keeps_its_values(before: int, after: int, native: bool) -> None:
    data = b"".join([EARLIER, *map(task_end, range(before)), LOG_START, *map(task_end, range(before, before + after))])
    decoded = decode.Decoded(scanner=Scanner() if native else None)
    decode.decode_lines(decode.Lines(data, 0, 1), decoded, pytest.fail)
    starts = decode.log_starts(decoded, application_seen=False)
    parts = [part for _, part in decode.split_at(decoded.close(), starts)]
    tables = [extract.extract(part, decode.PATHS, 0, pytest.fail) for part in parts]
    tasks = [
        (row["task_id"], row["host"], row["launch_time_ms"], row["executor_run_time_ms"], row["executor_cpu_time_ns"])
        for table in tables
        if "task_end" in table
        for row in table["task_end"].to_pylist()
    ]
    assert tasks == [(task, "host-1", 1750000003020, 58, 30000000) for task in range(before + after)]
