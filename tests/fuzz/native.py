"""Fuzzes the native scanner under AddressSanitizer and UndefinedBehaviorSanitizer; needs gcc or clang.

    python -m tests.fuzz.native SECONDS [SEED]

Lines of every sample are edited at random and given to scan, take and thin_plan. A memory error ends the process with
the sanitizer's report. The seed that is printed repeats a run.
"""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

SOURCES = sorted((Path(__file__).parents[2] / "ingest" / "decode" / "native").glob("*.c"))
CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def build(folder: str) -> str:
    """Compiles the scanner with the sanitizers; the path of the module."""
    path = f"{folder}/_scan.so"
    include = f"-I{sysconfig.get_path('include')}"
    sources = [str(source) for source in SOURCES]
    subprocess.run(["cc", "-O1", "-g", *CHECKS, "-shared", "-fPIC", include, *sources, "-o", path], check=True)
    return path


def edited(lines: list[bytes], pieces: list[bytes], random: Random) -> bytes:
    """A few lines with pieces cut out, put in, overwritten or moved, ended or not."""
    block = []
    for _ in range(random.randint(1, 3)):
        line = bytearray(random.choice(lines))
        for _ in range(random.randint(0, 4)):
            at = random.randint(0, len(line))
            match random.randint(0, 4):
                case 0:
                    line[at:at] = random.choice(pieces)
                case 1:
                    del line[at : at + random.randint(1, 80)]
                case 2:
                    line[at : at + 1] = random.randbytes(1)
                case 3:
                    other = random.choice(lines)
                    line[at : at + 20] = other[(start := random.randint(0, len(other))) : start + random.randint(0, 60)]
                case _:
                    del line[at:]
        block.append(bytes(line))
    return b"\n".join(block) + random.choice([b"\n", b"", b"\r\n"])


def fuzz(scan: Any, seconds: float, seed: int) -> int:
    """Runs for so long; how many blocks were tried."""
    from afterglow.ingest.decode.native import scanner as declared

    from ..property.test_native import LINES, PIECES

    random, tried, ends = Random(seed), 0, time.monotonic() + seconds
    short = [line for line in LINES if len(line) < 20_000]
    while time.monotonic() < ends:
        state = scan.prepare([(event.prefix, event.slots, event.fields) for event in declared.EVENTS])
        for _ in range(random.randint(1, 50)):
            block = edited(short, PIECES, random)
            begin = random.choice([0, 0, random.randint(0, len(block))])
            _, others = scan.scan(
                state, block, begin, random.choice([len(block), random.randint(begin, len(block))]), 0
            )
            assert len(others) % 24 == 0
            for line in block.split(b"\n"):
                first, last = (
                    (sorted(random.choices(range(len(line) + 1), k=2))) if random.random() < 0.1 else (0, len(line))
                )
                scan.thin_plan(line, first, last, *declared.PLAN_RULES)
            tried += 1
        for rows, offsets, columns, *_ in scan.take(state):
            assert len(offsets) == 8 * rows and all(c is None or len(c[1]) == rows for c in columns)
    return tried


def main() -> None:
    """Builds the checked module in a folder of its own, and starts itself anew with the sanitizer's library."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    module = os.environ.get("AFTERGLOW_CHECKED_SCAN")
    if module is None:
        with tempfile.TemporaryDirectory() as folder:
            library = subprocess.run(["cc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
            # Python's own allocator would hide a read past the end of a bytes object
            environment = {
                "LD_PRELOAD": library.stdout.strip(),
                "PYTHONMALLOC": "malloc",
                "ASAN_OPTIONS": "detect_leaks=0",
            }
            environment["AFTERGLOW_CHECKED_SCAN"] = build(folder)
            command = [sys.executable, "-m", "tests.fuzz.native", str(seconds), str(seed)]
            sys.exit(subprocess.run(command, env={**os.environ, **environment}).returncode)
    spec = importlib.util.spec_from_file_location("_scan", module)
    assert spec is not None and spec.loader is not None
    scan = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scan)
    print(f"{fuzz(scan, seconds, seed):,} blocks in {seconds:,.0f} s, seed {seed}: no memory error")


if __name__ == "__main__":
    main()
