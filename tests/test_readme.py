"""The commands in README.md and docs/tutorial.md run as written, and print what is written below them.

`python -m tests.test_readme` runs them and prints their output, for a new version of a page.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/tutorial.md")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from run to run: how long an import took.
SECONDS = re.compile(r"\bin \d+(\.\d+)? s\b")


def commands(page: str) -> list[tuple[str, str]]:
    """(command, expected output) of every console block of a page, in order."""
    found = []
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append((command, expected))
    return found


def run(command: str, folder: Path) -> str:
    """The output of an `afterglow` command in a folder that has sample_logs, 100 columns wide."""
    if not (folder / "sample_logs").exists():
        (folder / "sample_logs").symlink_to(ROOT / "sample_logs")
    words = shlex.split(command)
    assert words[0] == "afterglow", command
    environment = {**os.environ, "COLUMNS": "100", "XDG_DATA_HOME": str(folder / "data"), "NO_COLOR": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    ran = subprocess.run(
        [sys.executable, "-m", "afterglow.ingest.cli", *words[1:]],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def matches(expected: str, output: str) -> bool:
    """Whether the output is the expected text, in which a line `...` stands for any lines."""
    parts = [re.escape(SECONDS.sub("in N s", part)) for part in re.split(r"^\.\.\.\n", expected, flags=re.MULTILINE)]
    lines = "\n".join(line.rstrip() for line in output.splitlines()) + "\n"
    return re.fullmatch("(?:.*\n)*?".join(parts), SECONDS.sub("in N s", lines)) is not None


@pytest.mark.parametrize("page", ["README.md", pytest.param("docs/tutorial.md", marks=pytest.mark.slow)])
def test_the_commands_print_what_the_page_says(page: str, tmp_path: Path) -> None:
    found = commands(page)
    assert len(found) >= 2
    for command, expected in found:
        output = run(command, tmp_path)
        assert matches(expected, output), f"{command}\n{output}"


def test_the_readme_has_about_a_hundred_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))], ids=lambda page: page.name)
def test_links_between_pages_work(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("expected", "output", "equal"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("...\nb\n", "a\nb\n", True),
        ("...\nc\n...\n", "a\nb\n", False),
        ("done in 1.9 s\n", "done in 12 s\n", True),
    ],
)
def test_matching(expected: str, output: str, equal: bool) -> None:
    assert matches(expected, output) is equal


if __name__ == "__main__":
    import tempfile

    for name in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            for words, _ in commands(name):
                print(f"$ {words}\n{run(words, Path(folder))}")
