"""`remove` beside an import of the same application, in two processes: the whole tree is there, or nothing of it."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import sample_log

from . import stores
from .trees import differences, held

SAMPLE = "failing-tasks"
TIMES = int(os.environ.get("AFTERGLOW_TIMES") or 2)


def _removing(uri: str, experiment: str, begin: int, delay_s: float) -> Callable[[], None]:
    def work() -> None:
        from afterglow.ingest.status import list_imported, remove_application

        os.read(begin, 1)
        time.sleep(delay_s)
        for one in list_imported((), uri, experiment):
            if one.state != "deleted":
                remove_application(one, uri, experiment)

    return work


def _importing(uri: str, experiment: str, writer: str, begin: int | None, report: str) -> Callable[[], None]:
    """Another `report` is another fingerprint, so that an imported log is written again."""

    def work() -> None:
        from afterglow.ingest import import_logs

        if begin is not None:
            os.read(begin, 1)
        import_logs([str(sample_log(SAMPLE))], uri, experiment, writer=writer, report=report)  # type: ignore[arg-type]

    return work


def beside(writer: str, times: int) -> dict[str, int]:
    """What came of it; in this process, which must not have opened a store. Every other time the tree was there."""
    from .forks import Target, ended, fork, make_experiments, run

    figures = {"tries": 0, "failed": 0, "half": 0, "duplicates": 0, "whole": 0, "nothing": 0}
    with tempfile.TemporaryDirectory() as folder, stores.sqlite() as uri:
        output = Path(folder) / "output"
        names = [f"beside {number}" for number in range(times)]
        assert run(make_experiments(Target("", writer, uri, uri), ["alone", *names], Path(folder)), output) == 0
        began = time.monotonic()
        assert run(_importing(uri, "alone", writer, None, "none"), output) == 0, output.read_text()
        lasted, expected = time.monotonic() - began, held(uri, "alone", history=False).tree
        for number, name in enumerate(names):
            output.unlink(missing_ok=True)
            if number % 2:
                assert run(_importing(uri, name, writer, None, "auto"), output) == 0, output.read_text()
            begin, start = os.pipe()
            delay = random.uniform(0, lasted)
            children = [
                fork(_importing(uri, name, writer, begin, "none"), output),
                fork(_removing(uri, name, begin, delay), output),
            ]
            os.write(start, b"xx")
            codes = [ended(child, 240) for child in children]
            os.close(begin), os.close(start)
            found = held(uri, name, history=False)
            wrong = differences(expected, found.tree) if found.tree else []
            figures["tries"] += 1
            figures["failed"] += sum(code != 0 for code in codes)
            figures["half"] += bool(wrong) or (bool(found.tree) and found.complete != 1)
            figures["duplicates"] += found.duplicates
            figures["whole" if found.tree else "nothing"] += 1
            if any(codes) or wrong:
                print(name, codes, wrong[:5], output.read_text()[-3000:], file=sys.stderr)
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_remove_beside_an_import_leaves_all_or_nothing(writer: str) -> None:
    command = [sys.executable, "-m", "tests.ingest.publish.test_remove_beside_import", writer, str(2 * TIMES)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["tries"] == 2 * TIMES == figures["whole"] + figures["nothing"]
    assert (figures["failed"], figures["half"], figures["duplicates"]) == (0, 0, 0), done.stderr


if __name__ == "__main__":
    print(json.dumps(beside(sys.argv[1], int(sys.argv[2]))))
