"""Text from a log as Markdown. It is untrusted, so it is escaped and shown literally."""

import re
from collections.abc import Callable, Sequence

from ....schemas.runs.tree import Run

Link = Callable[[str], str]
"""A run's key -> the address of its page."""

SENTENCE = 300
"""Characters of a finding's message or a failure that are shown."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~&$:@])")


def escape(text: str, at_most: int = 160) -> str:
    """Text from a log as Markdown that shows exactly this text, on one line."""
    line = " ".join(text.split())
    line = line if len(line) <= at_most else line[: at_most - 1] + "…"
    # A leading number with a dot would start a list; entities prevent markup.
    return _SPECIAL.sub(lambda match: f"&#{ord(match[1])};", line)


def linked(run: Run, link: Link) -> str:
    """A link to a run, under its name."""
    return f"[{escape(run.name, 100)}]({link(run.key)})"


def table(title: str, heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A titled table of cells that are escaped already; "" without rows."""
    if not rows:
        return ""
    head = f"| {' | '.join(heading)} |\n|{'---|' * len(heading)}\n"
    return f"**{title}**\n\n{head}" + "\n".join(f"| {' | '.join(row)} |" for row in rows)
