"""Makes damaged logs, reads each, and prints what became of them, by kind of damage.

    python -m tests.property.run_corruptions [--count 2000] [--seed 1] [--show 20]

Tracebacks and rows lost beyond the damage must be 0; it exits 1 where they are not.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random

from . import cases
from .corruptions import TEXT
from .event_strategies import SAMPLES

COLUMNS = (
    "tried",
    "refused",
    "tracebacks",
    "rows lost beyond the damage",
    "damage left unsaid",
    "wrong place",
    "issues",
)


def main() -> int:
    """Runs; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only kinds of damage whose name begins so")
    parser.add_argument("--show", type=int, default=20, help="so many faults are printed in full")
    given = parser.parse_args()
    kinds = [kind for kind in cases.KINDS if kind.startswith(given.only)]
    table: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    shown = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(given.count):
            rng = Random(f"{given.seed}/{number}")
            kind = kinds[number % len(kinds)]
            name = rng.choice((cases.SMALL, *SAMPLES))
            more = [rng.choice(list(TEXT))] if rng.random() < 0.3 else []
            original = cases.standard(name, Path(scratch))
            case = cases.make(name, kind, rng, more)
            row = table[kind]
            row["tried"] += 1
            try:
                with cases.dribbling([rng.choice((1 << 20, 4096, 997))]):
                    found = cases.read(case, original, Path(scratch) / "case")
            except Exception:  # the very thing that is counted
                row["tracebacks"] += 1
                faults = [*traceback.format_exc().splitlines()[-5:]]
            else:
                verdict = found.verdict
                row["refused"] += found.tables is None
                row["rows lost beyond the damage"] += len(verdict.lost)
                row["damage left unsaid"] += len(verdict.unsaid)
                row["wrong place"] += len(verdict.misplaced)
                row["issues"] += verdict.issues
                faults = verdict.faults[:3]
                if faults and found.error:
                    faults.append(found.error)
            if faults and shown < given.show:
                shown += 1
                head = f"--- {given.seed}/{number} {kind} {more} in {name}, {next(iter(case.files))}"
                print(head, *faults, sep="\n  ", file=sys.stderr)
    total: Counter[str] = sum(table.values(), Counter())
    print("| damage | " + " | ".join(COLUMNS) + " |")
    print("|---|" + "--:|" * len(COLUMNS))
    for kind, row in [*table.items(), ("**all**", total)]:
        print(f"| {kind} | " + " | ".join(f"{row[column]:,}" for column in COLUMNS) + " |")
    print(f"\nseed {given.seed}, {given.count:,} logs, {time.monotonic() - started:.0f} s")
    return 1 if any(total[column] for column in COLUMNS[2:6]) else 0


if __name__ == "__main__":
    sys.exit(main())
