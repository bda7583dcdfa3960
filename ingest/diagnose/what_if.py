"""How long the application would take on half, twice and four times the executors, from its own tasks."""

from collections.abc import Iterator

import numpy as np

from ...schemas.findings.application import WHAT_IF
from ...schemas.logs import WHOLE
from ..application_view import ApplicationView
from ..units import seconds
from .batches import waits
from .ranking import Candidate
from .replay import replay, without_tasks, work_of

# How much of the change is uncertain: caches, disks and networks are shared by fewer or by more tasks.
_TASK_UNCERTAINTY = 0.5


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one informational finding, unless the application still runs, was cut, ran no task, or is a stream."""
    if not len(app) or app.duration_ms <= 0 or app.application["completeness"] not in WHOLE or waits(app):
        return
    slots = _slots(app)
    if slots < 1:
        return
    work, other = work_of(app, round(slots)), work_of(app, round(slots), by_thread=False)
    now, least = replay(work, round(slots)), without_tasks(work)
    # other jobs to wait for, which the log does not rule out
    now_other = None if other == work else replay(other, round(slots))
    figures: dict[str, object] = {"duration_ms": app.duration_ms, "replayed_ms": round(now)}
    parts, changes = [], "executors" if app.tables["executors"].num_rows > 1 else "cores"
    for name, factor in WHAT_IF.items():
        changed_slots = max(round(slots * factor), 1)
        changed = replay(work, changed_slots) - now
        took = max(app.duration_ms + changed, 1.0)
        unsure = abs(now - app.duration_ms) + _TASK_UNCERTAINTY * abs(changed)
        low, high = max(took - unsure, min(least, took)), took + unsure
        if now_other is not None:
            also = max(app.duration_ms + replay(other, changed_slots) - now_other, 1.0)
            low, high = min(low, also), max(high, also)
        figures |= {f"{name}_ms": round(took), f"{name}_low_ms": round(low), f"{name}_high_ms": round(high)}
        about, shortest, longest = (seconds(ms / 1e3) for ms in (took, low, high))
        words = about if shortest == longest else f"{about} ({shortest} to {longest})"
        parts.append(f"{words} with {name.replace('_', ' ')} the {changes}")
    yield Candidate(
        "what_if",
        None,
        f"application {app.title}",
        f"It took {seconds(app.duration_ms / 1e3)}. Its tasks would take about {', '.join(parts)}.",
        figures=figures,
    )


def _slots(app: ApplicationView) -> float:
    """The tasks that could run at the same time, while any did."""
    cores = app.timeline.most_cores(app.start_ms, app.end_ms)
    cpus = float(np.median(app.task_cpus)) or 1.0
    return cores // cpus
