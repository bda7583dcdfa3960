"""What a kind of finding is declared by, and what several of them share."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning", "note"]
About = Literal["application", "tuning", "trial", "job", "stage", "task", "executor", "host"]
Carrier = Literal["application", "tuning", "trial", "job", "stage", "task"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "note")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a person may override. The unit is in its name."""

    name: str
    default: float
    doc: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why it is so, as far as the figures tell, and what to do about it."""

    name: str
    doc: str
    advice: str


@dataclass(frozen=True, slots=True)
class FindingCode:
    """One kind of finding.

    `cost` says in words what its time is. Severity goes by the share of the application's time that it costs, but is
    never below `at_least` nor above `at_most`. A finding that is `told` is there whatever it costs; one that `informs`
    is no fault but a figure of every application.
    """

    code: str
    level: About
    family: str
    doc: str
    formula: str
    cost: str
    advice: str
    thresholds: tuple[Threshold, ...] = ()
    causes: tuple[Cause, ...] = ()
    at_least: Severity = "note"
    at_most: Severity = "critical"
    always_reported: bool = False
    informational: bool = False

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The levels of the runs that carry it: of a task also its stage, as not every task has a run; of an executor
        the application."""
        if self.level == "executor" or self.level == "host":
            return ("application",)
        return ("stage", "task") if self.level == "task" else (self.level,)

    def advice_for(self, cause: str | None) -> str:
        """The cause's advice, or the code's own."""
        return next((one.advice for one in self.causes if one.name == cause), self.advice)


ANY = "any"
WORTH = (
    Threshold("cost_s", 1.0, "A finding costs at least so many seconds."),
    Threshold("cost_ratio", 0.02, "And at least this share of the application's duration."),
)
ANY_THRESHOLDS = (
    *WORTH,
    Threshold("warning_ratio", 0.05, "It is a warning from this share of the application's duration on."),
    Threshold("critical_ratio", 0.2, "It is critical from this share of the application's duration on."),
)

TASKS = Threshold("tasks", 4, "Successful tasks that the stage has at least.")
AT_MOST = Threshold("tasks_ratio", 0.25, "More long tasks than this share of the stage, and they are no exception.")
ON_CORES = "divided by the tasks of the stage that ran at the same time"
RUN_AGAIN = "the stage's tasks laid out on as many slots as it had"
