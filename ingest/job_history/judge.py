"""Compare a run of a job with the median and spread of the complete runs before, at its amount of data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from statistics import median

from ...schemas.findings.failures import CODES as FAILURE_CODES
from ...schemas.job_history import (
    COMPARED_RUNS,
    CORE_HOURS,
    COST,
    CPU,
    DATA,
    DURATION,
    FEW_RUNS,
    MIN_EFFECT,
    MIN_GROWTH,
    MIN_RUNS,
    MIN_SECONDS,
    MIN_SPILL_BYTES,
    MIN_SPREAD_RATIO,
    MIN_WAIT_RATIO,
    PYTHON,
    PYTHON_RATIO,
    RUN,
    SAME_WORK_RATIO,
    SPILL,
    SPREADS,
    Deviation,
    JobRun,
    Verdict,
)
from ..units import count, seconds, significant, size

_FAILURES = frozenset(one.code for one in FAILURE_CODES)


def judge(run: JobRun, earlier: Sequence[JobRun], compared_runs: int = COMPARED_RUNS) -> Verdict | None:
    """The verdict about `run`; `earlier` are other runs of its job, of which those that began before it count.

    None if the log is being written or lacks events, so that nothing can be said.
    """
    before = sorted((one for one in earlier if _is_before(one, run)), key=lambda one: -one.start_ms)
    usual = list(islice((one for one in before if one.is_comparable), compared_runs))
    verdict = _failed(run, len(usual)) if not run.is_comparable else _compared(run, usual)
    if verdict is None or not verdict.kinds:
        return verdict
    previous = before[0] if before else None
    is_new = previous is None or not set(verdict.kinds) <= set(previous.kinds)
    return replace(verdict, since=run.app_id if is_new or previous is None else previous.since or previous.app_id)


def judge_all(runs: Sequence[JobRun], compared_runs: int = COMPARED_RUNS) -> list[tuple[JobRun, Verdict | None]]:
    """Every run of a job with the verdict at its time, oldest first."""
    found: list[tuple[JobRun, Verdict | None]] = []
    for run in sorted(runs, key=lambda one: (one.start_ms, one.app_id)):
        verdict = judge(run, [one for one, _ in found], compared_runs)
        tag, since = (verdict.tag, verdict.since) if verdict is not None else ("", "")
        found.append((replace(run, regression=tag, since=since), verdict))
    return found


def _is_before(one: JobRun, run: JobRun) -> bool:
    is_same = one.app_id == run.app_id and one.app_attempt == run.app_attempt and one.start_ms == run.start_ms
    return one.start_ms <= run.start_ms and not is_same


def _failed(run: JobRun, runs: int) -> Verdict | None:
    if run.status == "FAILED":
        text = "It failed."
    elif run.status == "KILLED" and run.completeness == "no_application_end":
        text = "Its log has no end, so its driver was killed."
    else:
        return None
    return Verdict(runs, [Deviation("failed", text)])


def _compared(run: JobRun, usual: Sequence[JobRun]) -> Verdict:
    if len(usual) < MIN_RUNS:
        return Verdict(len(usual))
    growth = _growth(run, usual)
    own = {name: run.metrics.get(name, 0.0) for name in (DURATION, CPU, RUN, SPILL)}
    has_cost = all(COST in one.metrics and one.currency == run.currency for one in (run, *usual))
    price = COST if has_cost else CORE_HOURS
    limits = {name: _limit([one.metrics.get(name, 0.0) * more for one, more in growth]) for name in (DURATION, price)}
    found: list[Deviation] = []
    took, (expected, limit) = own[DURATION], limits[DURATION]
    waited = False
    if took > limit and took - expected > MIN_SECONDS:
        waited = _waited(run, usual, growth, took / expected if expected else 1.0)
        usually = f"usually {seconds(expected)}{_of(growth)}, at most {seconds(limit)}"
        text = f"It took {seconds(took)}, {usually}."
        if waited:
            text += " Its tasks computed as much as usual and waited for the rest."
        found.append(Deviation("waited" if waited else "slower", text, took, expected, limit))
    found += _computing(own[CPU], [one.metrics.get(CPU, 0.0) * more for one, more in growth]) if not found else []
    paid, (price_before, most) = run.metrics.get(price, 0.0), limits[price]
    if price_before and paid > most and not waited and _is_worth(price, took, expected):
        what, unit = ("used", "core hours") if price == CORE_HOURS else ("cost", run.currency)
        text = f"It {what} {f'{significant(paid)} {unit}'.strip()}, usually {significant(price_before)}."
        found.append(Deviation("dearer", text, paid, price_before, most))
    found += _spill(own[SPILL], growth)
    worse, has_grown = any(one.kind != "waited" for one in found), median(more for _, more in growth) >= MIN_GROWTH
    found += _new_findings(run, usual, worse, has_grown)
    ratios = {
        "duration_ratio": _ratio(took, median(one.metrics.get(DURATION, 0.0) for one in usual)),
        "cost_ratio": _ratio(paid, median(one.metrics.get(price, 0.0) for one in usual)),
        "data_ratio": _ratio(*_data(run, usual)),
    }
    return Verdict(len(usual), found, {name: value for name, value in ratios.items() if value is not None})


def _is_worth(price: str, took: float, expected: float) -> bool:
    """Core hours of a run that is a moment longer are no cost; money always is."""
    return price == COST or took - expected > MIN_SECONDS


def _ratio(value: float, usual: float) -> float | None:
    return value / usual if usual else None


def _data(run: JobRun, usual: Sequence[JobRun]) -> tuple[float, float]:
    """The amount of data of the run, and the usual one."""
    name, measured = _measure(run, usual)
    return (run.metrics[name], median(one.metrics[name] for one in measured)) if name else (0.0, 0.0)


def _measure(run: JobRun, usual: Sequence[JobRun]) -> tuple[str | None, Sequence[JobRun]]:
    """The first measure of data that the run and most of the runs before have, and those of them."""
    for name in DATA:
        measured = [one for one in usual if one.metrics.get(name)]
        if run.metrics.get(name) and 2 * len(measured) > len(usual):
            return name, measured
    return None, usual


def _growth(run: JobRun, usual: Sequence[JobRun]) -> list[tuple[JobRun, float]]:
    """Every run before, with the factor by which this run may take longer because it has more data. At most linear
    growth is expected; less data is not expected to be faster, since part of the time does not depend on data."""
    name, measured = _measure(run, usual)
    if name is None:
        return [(one, 1.0) for one in usual]
    return [(one, max(run.metrics[name] / one.metrics[name], 1.0)) for one in measured]


def _of(growth: Sequence[tuple[JobRun, float]]) -> str:
    more = median(factor for _, factor in growth)
    return f" for {significant(more)} times the data" if more >= MIN_GROWTH else ""


def _limit(values: Sequence[float]) -> tuple[float, float]:
    """The median of figures, and the largest value that counts as usual."""
    middle = median(values)
    spread = max(1.4826 * median(abs(value - middle) for value in values), MIN_SPREAD_RATIO * middle)
    return middle, middle + max(MIN_EFFECT * middle, SPREADS * (1 + FEW_RUNS / len(values)) * spread)


def _waited(run: JobRun, usual: Sequence[JobRun], growth: Sequence[tuple[JobRun, float]], longer: float) -> bool:
    """Whether the tasks computed as much as usual, and their waiting explains the time."""
    if run.metrics.get(PYTHON, 0.0) > PYTHON_RATIO * run.metrics.get(DURATION, 0.0):
        return False
    if not all(one.metrics.get(CPU) and one.metrics.get(RUN) for one in (run, *usual)):
        return False
    cpu = run.metrics[CPU] / median(one.metrics[CPU] * more for one, more in growth)
    stretch = (run.metrics[RUN] / run.metrics[CPU]) / median(one.metrics[RUN] / one.metrics[CPU] for one in usual)
    return cpu < SAME_WORK_RATIO and stretch > MIN_WAIT_RATIO and longer <= stretch * SAME_WORK_RATIO


def _computing(computed: float, usual: Sequence[float]) -> list[Deviation]:
    """More CPU time, which shows also where the noise of a shared cluster hides the longer duration."""
    expected, limit = _limit(usual)
    if not expected or computed <= limit or computed - expected <= MIN_SECONDS:
        return []
    text = f"Its tasks computed for {seconds(computed)}, usually {seconds(expected)}, at most {seconds(limit)}."
    return [Deviation("slower", text, computed, expected, limit)]


def _spill(spilled: float, growth: Sequence[tuple[JobRun, float]]) -> list[Deviation]:
    """More spill. Of more data only the part that does not fit into memory is spilled, which may grow much faster."""
    expected, limit = _limit([one.metrics.get(SPILL, 0.0) * more for one, more in growth])
    has_grown = median(more for _, more in growth) >= MIN_GROWTH
    if has_grown or spilled <= max(limit, expected + MIN_SPILL_BYTES):
        return []
    text = f"It spilled {size(spilled)} to disk, usually {size(expected) if expected else 'nothing'}."
    return [Deviation("spill", text, spilled, expected, limit)]


def _new_findings(run: JobRun, usual: Sequence[JobRun], worse: bool, has_grown: bool) -> list[Deviation]:
    """Findings that no run before had. A run that is no worse counts if one is critical. Of more data only failures
    count then, because more data may spill, or need more partitions, in the time that it may take."""
    known = {code for one in usual for code in one.findings}
    fresh: Mapping[str, str] = {code: severity for code, severity in run.findings.items() if code not in known}
    counted = [
        code
        for code, severity in fresh.items()
        if (severity == "critical" and (worse or not has_grown or code in _FAILURES))
        or (worse and severity == "warning")
    ]
    if not counted:
        return []
    names = ", ".join(f"{code} ({fresh[code]})" for code in counted)
    return [Deviation("finding", f"New findings: {names}.", float(len(counted)))]


def short_summary(verdict: Verdict | None) -> str:
    """The verdict in a few words, for a column of a table."""
    if verdict is None:
        return "incomplete log"
    if verdict.deviations:
        return ", ".join(one.kind for one in verdict.deviations)
    return "as usual" if verdict.runs >= MIN_RUNS else "too few runs"


def summary(verdict: Verdict) -> str:
    """The verdict in one sentence, for the terminal."""
    if verdict.deviations:
        return " ".join(one.text for one in verdict.deviations)
    return "as usual" if verdict.runs >= MIN_RUNS else f"{count(verdict.runs)} complete runs before, too few to compare"
