"""Write sample_logs/README.md: one line per sample, with figures counted in its log."""

from collections.abc import Mapping
from pathlib import Path

from readlog import codec, count, events, log_files, read_text
from samples import SAMPLES, Sample

HEAD = """# Sample logs

These are small real event logs. Each one is named after the feature of event logs that it tests.
`generate.py` writes the logs and this page, so do not edit it:

    python sample_logs/generate.py --python35 PYTHON_WITH_PYSPARK_3_5 [--only NAME ...]

A folder holds one log as Spark wrote it. A search also has `truth.json`, which the job recorded. It
has the param maps, the metric of every fit, and the tuning, fold and param map of each job. Jobs of
folding and refit have `"phase": "tuner"`.

Ids, times and sizes change when a sample is generated again. `samples.py` declares what every log
must contain. `generate.py` checks it, and also that the log contains no path, user or host of the
machine.

Stages are stage attempts that ran, then skipped ones. Tasks are task attempts that started, then
those that failed, were resubmitted, or have no end.

| sample | pins | Spark | layout | codec | kB | jobs | stages | tasks |
|---|---|---|---|---|---|---|---|---|
"""


def readme(folder: Path) -> str:
    """The text of README.md for the samples in `folder`; those not generated yet are left out."""
    return HEAD + "".join(_row(sample, folder / sample.name) for sample in SAMPLES if (folder / sample.name).is_dir())


def find_log(folder: Path) -> Path:
    """The log in a sample's folder: the one thing there that is not truth.json."""
    (log,) = (path for path in folder.iterdir() if path.name != "truth.json")
    return log


def _row(sample: Sample, folder: Path) -> str:
    log = find_log(folder)
    text = read_text(log)
    counts = count(text)
    stages = _cell(counts, "stages", "skipped_stages")
    tasks = _cell(counts, "tasks", "failed_tasks", "killed_tasks", "resubmitted_tasks", "unfinished_tasks")
    jobs = _cell(counts, "jobs", "failed_jobs", "unfinished_jobs")
    size = sum(file.stat().st_size for file in log_files(log)) / 1000
    cells = [f"`{sample.name}`", sample.pins, _version(text), _layout(log), codec(log_files(log)[0]), f"{size:.0f}",
             jobs, stages, tasks]  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _cell(counts: Mapping[str, int], first: str, *others: str) -> str:
    """A figure and, of others, those that are not zero: "20, 7 failed"."""
    return ", ".join([str(counts[first]), *(f"{counts[key]} {key.split('_')[0]}" for key in others if counts[key])])


def _layout(log: Path) -> str:
    if log.is_dir():
        segments = len(log_files(log))
        return f"rolling, {segments} segment{'s' if segments > 1 else ''}"
    return "single, `.inprogress`" if log.name.endswith(".inprogress") else "single"


def _version(text: str) -> str:
    start = next(event for event in events(text) if event["Event"] == "SparkListenerLogStart")
    return str(start["Spark Version"])
