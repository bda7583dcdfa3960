"""What other tools' rules say of the same tables, beside Afterglow's findings, as markdown.

python -m benchmarks.peer_rules LOG...

Rules, as they stand in the tools' sources in 2026: rapids-tools (ShuffleSkewProfile): a task is skewed that takes
more than 3 times the mean duration of its stage attempt and reads more than 3 times its mean and more than 100 MB of
shuffle data. DataFlint (partition skew): a stage whose longest task takes more than 10 times the median and more than
5 s. sparklens prints the longest task over the median for every stage and leaves the verdict to the reader; counted
here from 3 on.
"""

import sys
from typing import Any

import numpy as np

from afterglow.ingest import arrow, units
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.findings import FINDING_CODES

_MEAN_TIMES, _READ_BYTES = 3, 100e6
_MEDIAN_TIMES, _LONGEST_MS = 10, 5_000
_SPARKLENS_TIMES = 3


def peers(tables: Any) -> dict[str, list[str]]:
    """Tool -> what its rule names, the worst first."""
    tasks = tables["tasks"]
    done = arrow.equals(tasks, "status", "SUCCESS")
    keys = arrow.numbers(tasks, "stage_id").astype(np.int64) * 1_000 + arrow.numbers(tasks, "stage_attempt")
    duration, read = arrow.numbers(tasks, "duration_ms"), arrow.numbers(tasks, "shuffle_read_bytes")
    skewed: list[str] = []
    partitions: list[tuple[float, str]] = []
    ratios: list[tuple[float, str]] = []
    for key in np.unique(keys[done]).tolist():
        at = np.flatnonzero(done & (keys == key))
        name = f"{key // 1_000}.{key % 1_000}"
        far = (duration[at] > _MEAN_TIMES * duration[at].mean()) & (read[at] > _MEAN_TIMES * read[at].mean())
        far &= read[at] > _READ_BYTES
        if far.any():
            skewed.append(f"{name} ({far.sum()} tasks)")
        median, longest = float(np.median(duration[at])), float(duration[at].max())
        if median and longest > _MEDIAN_TIMES * median and longest > _LONGEST_MS:
            partitions.append((longest / median, name))
        if median and len(at) > 1 and longest >= _SPARKLENS_TIMES * median:
            ratios.append((longest / median, name))
    return {
        "rapids-tools": skewed,
        "DataFlint": [f"{name} ({ratio:.0f}x)" for ratio, name in sorted(partitions, reverse=True)],
        "sparklens": [f"{name} ({ratio:.1f}x)" for ratio, name in sorted(ratios, reverse=True)],
    }


def described(path: str) -> str:
    """One log's section."""
    (log,) = find_logs([path])
    tables = read_log(log)
    app = tables.application
    start, end = app["start_time_ms"], app["end_time_ms"] or app["last_event_time_ms"]
    tasks = f"{tables['tasks'].num_rows:,} tasks in {tables['stages'].num_rows:,} stages"
    lines = [f"### {log.name.rsplit('/', 1)[-1]}", "", f"{units.seconds((end - start) / 1e3)}, {tasks}.", ""]
    lines += ["| who | says |", "|---|---|"]
    for tool, named in peers(tables).items():
        more = f" and {len(named) - 6} more" if len(named) > 6 else ""
        lines.append(f"| {tool} | {', '.join(named[:6]) + more or 'nothing'} |")
    for row in tables["findings"].to_pylist():
        if row["covered_by"] is None:
            cost = "" if row["cost_ms"] is None else f", {units.seconds(row['cost_ms'] / 1e3)}"
            cause = f" ({row['cause']})" if row["cause"] else ""
            kind = "figure" if FINDING_CODES[row["code"]].informational else f"{row['severity']}{cost}"
            text = f"{row['subject'] if row['level'] != 'application' else 'application'}: {row['message']}"
            lines.append(f"| Afterglow: {row['code']}{cause} | {kind}: {_cell(text)} |")
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """A section per log that is named."""
    for path in sys.argv[1:]:
        print(described(path))


if __name__ == "__main__":
    main()
