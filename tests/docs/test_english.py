"""Documentation is plain technical English: short lines, short sentences, and none of the banned phrases."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterglow.schemas.declaration_docs import documents

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sample_logs/*.md"), *ROOT.glob("tests/**/*.md")]
)
PENDING = {"CONTRIBUTING.md", "tests/fuzz/README.md"}
MAX_LINE, MAX_WORDS, MAX_PAUSES = 100, 25, 1
BANNED = re.compile(
    r"\b(a person|persons?|dearest|is (said|told)|are (said|told)|(lies|stands) (in|on|at|there|beside)|so many|so much"
    r"|of its own|of their own|say the same|all the same|passed over|befell|is had|at once,|whatever it is|for ever)\b",
    re.IGNORECASE,
)
# The last sentence of a formula may be long: it is mathematics in words.
LONG_COLUMNS = {"formula", "cost"}


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items and headings, without code, tables, comments and images."""
    text = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    block: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith(("|", "#", "- ", "* ", "> ", "!!!", "![", "    ")) or re.match(r"\d+\. ", bare):
            if block:
                yield " ".join(block)
            block = []
        if bare and not bare.startswith(("|", "![", "<")) and not line.startswith("    "):
            block.append(re.sub(r"^([-*>#]+|\d+\.) ", "", bare))
    if block:
        yield " ".join(block)


def _sentences(block: str) -> list[str]:
    """Sentences with code and links as one word each."""
    block = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", block)
    block = re.sub(r"``.+?``|`[^`]*`", "CODE", block)
    block = re.sub(r"https?://\S+", "URL", block)
    block = re.sub(r"\b(e\.g|i\.e|vs|no)\.", r"\1", block)
    return [part for part in re.split(r"(?<=[.!?])[*_\")]*\s+", block) if part]


def _faults(text: str) -> Iterator[str]:
    for block in _blocks(text):
        for sentence in _sentences(block):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if len(words) > MAX_WORDS:
                yield f"{len(words)} words: {sentence}"
            if len(re.findall(r"[:;](?=\s|$)", sentence.rstrip(": "))) > MAX_PAUSES:
                yield f"more than one colon or semicolon: {sentence}"
        if found := BANNED.search(block):
            yield f"{found.group()!r}: {block}"


@pytest.mark.parametrize(
    "page", [p for p in PAGES if str(p.relative_to(ROOT)) not in PENDING], ids=lambda page: str(page.relative_to(ROOT))
)
def test_pages_are_plain_english(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert list(_faults(text)) == []
    code, long = False, []
    for number, line in enumerate(text.splitlines(), 1):
        code ^= line.strip().startswith("```")
        if len(line) > MAX_LINE and not code and not line.lstrip().startswith(("|", "![", "[", "http")):
            long.append(number)
    assert long == [], f"lines of more than {MAX_LINE} characters"


@pytest.mark.parametrize("name", sorted(documents()))
def test_declarations_are_plain_english(name: str) -> None:
    document = documents()[name]
    texts = [document.doc] + [str(row[c]) for row in document.rows for c in ("what", "advice") if row.get(c)]
    assert [fault for text in texts for fault in _faults(text)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("word " * 26 + ".", "26 words"),
        ("One: two: three.", "more than one colon"),
        ("What a person sees.", "'a person'"),
        ("- first item\n- " + "word " * 30, "30 words"),
    ],
)
def test_faults_are_found(text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in _faults(text))


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in folder.glob("0*.md") if f"({page.name})" not in listed] == []


def test_code_and_tables_are_exempt() -> None:
    long = "word " * 40
    assert (
        list(_faults(f"```sh\n{long}\n```\n\n| {long} |\n\nSee `{long}` and [this]({long.replace(' ', '')}).\n")) == []
    )
