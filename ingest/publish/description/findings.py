"""The findings of a run: the one thing to do first, then all of them with titles, most expensive first."""

import shlex

from ....schemas.findings import FINDING_CODES
from ....schemas.findings.threshold_overrides import Finding
from ....schemas.runs.tree import Run
from ...run_names import short_call_site
from ...units import count, seconds
from .text import SENTENCE, Link, escape

_SHOWN = 5


def what_to_do(run: Run, link: Link) -> str:
    """The advice of the most expensive finding; "" without findings."""
    costly = _costly(run)
    if not costly:
        return ""
    one = costly[0]
    cost = f" It cost {seconds(one.cost_s)}, as estimated." if one.cost_s else ""
    return f"**To do:** {one.advice}{cost}{_where(one, run, link, ' See {}.')}{_try(one)}"


def list_findings(run: Run, link: Link) -> str:
    """The findings. An application's findings link to the affected runs."""
    costly = _costly(run)
    lines = []
    for one in costly[:_SHOWN]:
        cost = f", {seconds(one.cost_s)}" if one.cost_s else ""
        title = one.code.replace("_", " ").capitalize()
        where = _where(one, run, link, " {}:")
        if one.run == run.key and FINDING_CODES[one.code].level in ("executor", "host"):
            where = f" {escape(one.subject, 100)}:"
        advice = f" {one.advice}{_try(one)}" if one is not costly[0] else ""  # the first one's is above
        lines.append(f"- **{title}** ({one.severity}{cost}){where or ':'} {escape(one.message, SENTENCE)}{advice}")
    if len(costly) > _SHOWN:
        of = "of the application's artifacts" if run.level != "application" else ""
        lines.append(f"- {count(len(costly) - _SHOWN)} more in `tables/findings.parquet` {of}".rstrip())
    return "**What cost time**, as estimated\n\n" + "\n".join(lines) if lines else ""


def remarks(run: Run) -> list[str]:
    """The figures in words that every application has."""
    return [escape(one.message, SENTENCE) for one in run.findings if one.informational]


def _try(one: Finding) -> str:
    """The settings worth trying, as options of spark-submit."""
    return f" Try {', '.join(f'`--conf {_code(setting)}`' for setting in one.settings)}." if one.settings else ""


def _code(text: str) -> str:
    """Text inside backticks, which may come from the log: without backticks, quoted for a shell."""
    return shlex.quote(" ".join(text.replace("`", "").split()))


def _costly(run: Run) -> list[Finding]:
    return [one for one in run.findings if not one.informational]


def _where(one: Finding, run: Run, link: Link, form: str) -> str:
    if one.run == run.key:
        return ""
    what, dot, call_site = one.subject.partition(" · ")  # `stage 8.0 · collect at /jobs/join.py:41`
    return form.format(f"[{escape(what + dot + short_call_site(call_site), 100)}]({link(one.run)})")
