"""Imports killed with SIGKILL at a random moment and finished by a second call, compared with undisturbed ones.

python -m tests.ingest.publish.kills --count 200
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.conftest import sample_log

from . import stores
from .forks import Target, ended, fork, importing, make_experiments, run
from .trees import Held, Tree, differences, held

LOG = "spark35-wordcount"


@dataclass
class Figures:
    """What came of it; all but the first three have to be 0."""

    imports: int = 0
    killed_before_end: int = 0
    left_half: int = 0
    second_failed: int = 0
    different: int = 0
    duplicates: int = 0
    falsely_complete: int = 0
    not_complete: int = 0

    @property
    def wrong(self) -> int:
        """How often it went wrong."""
        return self.second_failed + self.different + self.duplicates + self.falsely_complete + self.not_complete


@contextlib.contextmanager
def targets(names: list[str]) -> Iterator[list[Target]]:
    """`rest-sqlite`, `rest-server`, `sql-sqlite`, `rest-postgres` and the like, each on a store of its own."""
    with contextlib.ExitStack() as stack:
        found = []
        for name in names:
            writer, _, store = name.partition("-")
            tables = stack.enter_context(stores.DATABASES["sqlite" if store == "server" else store]())
            uri = stack.enter_context(stores.server(tables)) if store == "server" else tables
            found.append(Target(name, writer, uri, tables))
        yield found


def kill(target: Target, count: int, folder: Path, dice: random.Random, log: Path) -> Figures:
    """Kills so many imports to one store; what went wrong is printed."""
    figures, output = Figures(), folder / f"{target.name}.log"
    names = [f"{target.name}-{number}" for number in range(count)]
    usual = [f"{target.name}-undisturbed-{number}" for number in range(3)]
    assert run(make_experiments(target, [*usual, *names], folder), output) == 0, output.read_text()
    lasted = []
    for name in usual:
        began = time.monotonic()
        assert run(importing(log, target, name), output) == 0, output.read_text()
        lasted.append(time.monotonic() - began)
    expected = held(target.tables, usual[0]).tree
    assert not differences(expected, held(target.tables, usual[1]).tree)
    for name in names:
        output.unlink(missing_ok=True)
        pid = fork(importing(log, target, name), output)
        time.sleep(dice.uniform(0, sorted(lasted)[1]))
        os.kill(pid, signal.SIGKILL)
        figures.imports += 1
        figures.killed_before_end += ended(pid) == -signal.SIGKILL
        between = held(target.tables, name)
        problems = _check_between(figures, between, expected)
        if run(importing(log, target, name), output) != 0:
            figures.second_failed += 1
            problems.append(f"the second import failed: {output.read_text()[-3000:]}")
        problems += _check_after(figures, held(target.tables, name), expected)
        for problem in problems:
            print(f"{name}: {problem}", flush=True)
    return figures


def _check_between(figures: Figures, found: Held, expected: Tree) -> list[str]:
    figures.left_half += bool(found.tree) and not found.complete
    problems = differences(expected, found.tree) if found.complete else []
    figures.falsely_complete += bool(problems)
    return [f"complete, but {problem}" for problem in problems]


def _check_after(figures: Figures, found: Held, expected: Tree) -> list[str]:
    wrong = differences(expected, found.tree)
    figures.different += bool(wrong)
    figures.duplicates += found.duplicates
    figures.not_complete += found.complete != 1
    return [*wrong[:5], *[f"{found.duplicates} duplicates"] * bool(found.duplicates)]


def main() -> int:
    """Prints the figures by store as JSON; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="imports to kill, over all the stores")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--on", nargs="+", default=["rest-sqlite", "rest-server", "sql-sqlite", "sql-postgres"])
    given = parser.parse_args()
    dice, found, began = random.Random(given.seed), {}, time.monotonic()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder, targets(given.on) as there:
        for number, target in enumerate(there):
            share = (given.count + number) // len(there)
            found[target.name] = kill(target, share, Path(folder), dice, sample_log(LOG))
            print(f"{target.name}: {json.dumps(asdict(found[target.name]))}", flush=True)
    print(f"{sum(one.imports for one in found.values())} imports in {time.monotonic() - began:.0f} s", flush=True)
    return int(any(one.wrong for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
