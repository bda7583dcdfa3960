"""Write sample_logs/README.md: one line per sample, its figures counted in the log that lies there."""

from collections.abc import Mapping
from pathlib import Path

from readlog import codec, count, events, log_files, read_text
from samples import SAMPLES, Sample

HEAD = """# Sample logs

Small real event logs, each named after what it pins. Written by `generate.py` (as is this page; do not edit):

    python sample_logs/generate.py --python35 PATH_TO_A_PYTHON_WITH_PYSPARK_3_5 [--only NAME ...]

A folder holds one log as Spark wrote it and, for tunings, `truth.json`: param maps, the metric of every fit, and for
each job its tuning, fold and param map index (or `"phase": "tuner"` for folding and refit), recorded while the job ran.
Ids, times and sizes change when a sample is made anew, some counts too; `samples.py` says what every log has to show,
and `generate.py` checks that, and that nothing of the machine (paths, user, host) is in it.

Stages are stage attempts that ran, and then those skipped; tasks are task attempts that began, and then how many of
them failed, were resubmitted, or have no end.

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
