#!/usr/bin/env python3
"""Make the committed samples anew by running real Spark jobs: python sample_logs/generate.py [--only NAME ...].

Needs Linux, Java 17, and pyarrow and pyspark 4.x in the interpreter that runs it; `--python35` names one with pyspark
3.5. Works in /tmp/afterglow-samples, so only one can run at a time.
"""

import argparse
import gzip
import re
import shutil
import socket
import sys
from collections import Counter
from pathlib import Path

from launch import SampleError, Spark, find_spark, run_sample
from readlog import count, log_files, read_text
from readme import readme
from samples import SAMPLES, Sample

HERE = Path(__file__).parent
LIMIT_BYTES = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Generate the samples asked for, then README.md over all that are there. Returns the exit code."""
    options = _options(arguments)
    wanted = [sample for sample in SAMPLES if not options.only or sample.name in options.only]
    try:
        sparks = {series: _spark(series, options) for series in sorted({sample.spark for sample in wanted})}
        for sample in wanted:
            print(f"{sample.name} (Spark {sparks[sample.spark].version})", flush=True)
            generate(sample, sparks[sample.spark], options.out)
            (options.out / "README.md").write_text(readme(options.out))  # each time, for the next one may fail
    except SampleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def generate(sample: Sample, spark: Spark, out: Path) -> None:
    """Run a sample's job, check its log, and replace the folder `out`/<name> by it.

    Raises SampleError, with the old folder untouched, if the log does not pin what it should or may not be published.
    """
    log, truth = run_sample(sample, spark)
    for hidden in log.glob(".*.crc"):
        hidden.unlink()
    if sample.gzip:
        log = _gzipped(log)
    check(sample, log, spark)
    if sample.truth and truth is None:
        raise SampleError(f"{sample.name}: the job left no truth.json")
    folder = out / sample.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (log, truth):
        if path is not None:
            shutil.move(path, folder)


def check(sample: Sample, log: Path, spark: Spark) -> None:
    """Raise SampleError if a log is too large, tells of this machine, or lacks what its sample is there for."""
    text = read_text(log)
    size = sum(path.stat().st_size for path in [log, *log.rglob("*")] if path.is_file())
    if size > LIMIT_BYTES:
        raise SampleError(f"{sample.name}: {size:,} bytes, more than the {LIMIT_BYTES:,} a sample may have")
    leaks = _leaks(text, spark)
    if leaks:
        raise SampleError(f"{sample.name}: the log tells of this machine: {', '.join(leaks)}")
    counts = count(text) + Counter(segments=len(log_files(log)))
    wrong = [f"{key} is {counts[key]}, not {value}" for key, value in sample.shows.items() if counts[key] != value]
    wrong += [f"{key} is {counts[key]}, less than {value}"
              for key, value in sample.shows_at_least.items() if counts[key] < value]  # fmt: skip
    if wrong:
        raise SampleError(f"{sample.name}: the log does not show what it pins: {'; '.join(wrong)}")


def _leaks(text: str, spark: Spark) -> list[str]:
    """What of this machine is in a log: paths, hosts, the user's name."""
    paths = {HERE.parent.resolve(), Path.home(), spark.python.parent.parent.resolve(), Path(sys.prefix).resolve()}
    found = [str(path) for path in paths if len(path.parts) > 1 and f"{path}/" in text]
    name = socket.gethostname()
    marks = (f'"{name}"', f"//{name}", f"{name}:", '"User":"root"', '"user.name":"root"')
    found += [mark for mark in marks if mark in text]
    hosts = set(re.findall(r'"Host":"([^"]*)"', text))
    return found + sorted(host for host in hosts if host != "localhost" and not host.startswith("127.0.0."))


def _gzipped(log: Path) -> Path:
    """Compress a log as Databricks does; no time stamp and no name, so that the bytes depend on the log alone."""
    packed = log.with_name(log.name + ".gz")
    packed.write_bytes(gzip.compress(log.read_bytes(), mtime=0))
    return packed


def _spark(series: str, options: argparse.Namespace) -> Spark:
    if series == "4":
        return find_spark(Path(sys.executable), series)
    if options.python35 is None:
        names = " ".join(sample.name for sample in SAMPLES if sample.spark == series)
        raise SampleError(f"{names}: --python35 must name an interpreter with pyspark {series}, or --only leave it out")
    return find_spark(options.python35, series)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the committed sample logs by running real Spark jobs.")
    names = [sample.name for sample in SAMPLES]
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=f"of {', '.join(names)}")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where the folders go (default: here)")
    parser.add_argument("--python35", type=Path, metavar="PATH", help="an interpreter with pyspark 3.5")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
