"""The fuzz target: any bytes as a log file -> tables and the run tree, or an AfterglowError, and nothing else.

    python -m tests.fuzz.target all|decode FOLDER [libFuzzer options]

`all` goes the whole way; `decode` ends at the decoded events, and tries ten times as many inputs. FOLDER is the corpus;
the seeds are added to it.
"""

import io
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["afterglow"]):
    from afterglow.ingest import codecs, decode
    from afterglow.ingest.application_view import ApplicationView
    from afterglow.ingest.derive import TaskRuns, derive
    from afterglow.ingest.errors import AfterglowError
    from afterglow.ingest.options import ReadOptions
    from afterglow.ingest.pipeline import read_log
    from afterglow.schemas.issues import ISSUE_CODES, ImportIssue
    from afterglow.schemas.logs import EventLog, LogFile

from . import seeds

SCRATCH = Path("/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()) / f"afterglow-fuzz-{os.getpid()}"
OPTIONS = ReadOptions(max_line_bytes=1 << 20, max_ratio=1000)


def whole(data: bytes) -> None:
    """Reads these bytes as a log and derives its runs; raises on anything but what is promised."""
    SCRATCH.write_bytes(data)
    log = EventLog(str(SCRATCH), "single", (LogFile(str(SCRATCH), len(data)),))
    try:
        tables = read_log(log, OPTIONS)
    except AfterglowError as error:
        if str(SCRATCH) not in str(error) or "\n" in str(error):
            raise AssertionError(f"a message that is no one line with the file's name: {error}") from error
        return
    _check((issue["code"], issue["message"]) for issue in tables["issues"].to_pylist())
    derive(ApplicationView(tables), TaskRuns("all", 2**31))


def decoding(data: bytes) -> None:
    """Decompresses and decodes these bytes, nothing more."""
    issues: list[ImportIssue] = []
    decoded = decode.Decoded()
    chunks = (
        decode.Damage("stream_damaged", chunk.reason) if isinstance(chunk, codecs.Gap) else chunk
        for chunk in codecs.open_stream(io.BytesIO(data))[1]
    )
    for lines in decode.split_lines(chunks, issues.append, max_line_bytes=1 << 20):
        decode.decode_lines(lines, decoded, issues.append)
    _check((issue.code, issue.message) for issue in issues)


def _check(issues: Iterable[tuple[str, str]]) -> None:
    for code, message in issues:
        if code not in ISSUE_CODES or not message:
            raise AssertionError(f"an issue that is none: {code}: {message}")


def main() -> None:
    """Fuzzes until a crash or until libFuzzer's own limits are reached."""
    target = {"all": whole, "decode": decoding}[sys.argv[1]]
    corpus = Path(sys.argv[2])
    dictionary = corpus.with_suffix(".dict")
    seeds.write(corpus)
    seeds.write_dictionary(dictionary)
    limits = ["-max_len=20000", "-timeout=60"]
    atheris.Setup([sys.argv[0], str(corpus), f"-dict={dictionary}", *limits, *sys.argv[3:]], target)
    try:
        atheris.Fuzz()
    finally:
        SCRATCH.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
