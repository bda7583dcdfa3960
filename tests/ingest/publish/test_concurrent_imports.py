"""Two imports of one log at once, in two processes: one tree, complete."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import sample_log

from . import stores
from .trees import differences, held

pytestmark = pytest.mark.slow
TIMES = int(os.environ.get("AFTERGLOW_TIMES") or 2)


def at_once(store: str, writers: Sequence[str], times: int, after_kill: bool) -> dict[str, int]:
    """How often it was done and how often it went wrong; in this process, which must not have opened a store.
    `after_kill` lets both find what an import through the tracking API left that was killed."""
    from .forks import Target, ended, fork, importing, make_experiments, run

    log = sample_log("spark35-wordcount")
    figures = {"imports": 0, "failed": 0, "different": 0, "duplicates": 0, "not_complete": 0}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        tables = stack.enter_context(stores.DATABASES["sqlite" if store == "server" else store]())
        uri = stack.enter_context(stores.server(tables)) if store == "server" else tables
        names, output = [f"at once {number}" for number in range(times)], folder / "output"
        assert run(make_experiments(Target("", "", uri, tables), ["alone", "timed", *names], folder), output) == 0
        alone = Target("alone", writers[0], uri, tables)
        assert run(importing(log, alone, "alone"), output) == 0, output.read_text()
        began = time.monotonic()
        assert run(importing(log, Target("", "rest", uri, tables), "timed"), output) == 0, output.read_text()
        lasted = time.monotonic() - began
        expected = held(tables, "alone").tree
        for name in names:
            output.unlink(missing_ok=True)
            if after_kill:
                first = fork(importing(log, Target("", "rest", uri, tables), name), output)
                time.sleep(random.uniform(0.3, 1.0) * lasted)
                os.kill(first, signal.SIGKILL)
                ended(first)
            begin, start = os.pipe()
            children = [fork(importing(log, Target(w, w, uri, tables), name, begin), output) for w in writers]
            os.write(start, b"x" * len(children))
            codes = [ended(child, 240) for child in children]
            os.close(begin), os.close(start)
            found = held(tables, name)
            wrong = differences(expected, found.tree)
            figures["imports"] += len(codes)
            figures["failed"] += sum(code != 0 for code in codes)
            figures["different"] += bool(wrong)
            figures["duplicates"] += found.duplicates
            figures["not_complete"] += found.complete != 1
            if any(codes) or wrong or found.duplicates:
                print(name, codes, wrong[:5], output.read_text()[-3000:], file=sys.stderr)
    return figures


@pytest.mark.parametrize("writers", ["rest rest", "sql sql", "rest sql"])
@pytest.mark.parametrize(
    "store",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_two_imports_at_once_make_one_tree(store: str, writers: str) -> None:
    check(store, TIMES, writers)


@pytest.mark.parametrize("writers", ["rest rest", "rest sql"])
def test_two_imports_at_once_finish_one_that_was_killed(writers: str) -> None:
    check("sqlite", TIMES, writers, "killed")


def check(store: str, times: int, writers: str, *more: str) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.ingest.publish.test_concurrent_imports",
        store,
        str(times),
        *writers.split(),
        *more,
    ]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == {**dict.fromkeys(figures, 0), "imports": 2 * times}, done.stderr


if __name__ == "__main__":
    given = [word for word in sys.argv[3:] if word != "killed"]
    print(json.dumps(at_once(sys.argv[1], given, int(sys.argv[2]), "killed" in sys.argv)))
