"""The declaration of a finding code, and thresholds that several codes share."""

from dataclasses import dataclass
from typing import Literal

from .settings import SettingAdvice

Severity = Literal["critical", "warning", "note"]
About = Literal["application", "tuning", "trial", "job", "stage", "task", "executor", "host"]
Carrier = Literal["application", "tuning", "trial", "job", "stage", "task"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "note")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that users may override. Its name contains the unit."""

    name: str
    default: float
    doc: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of a finding, with its advice."""

    name: str
    doc: str
    advice: str
    settings: tuple[SettingAdvice, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingCode:
    """One kind of finding.

    `formula` and `cost` are formulas in words. Severity follows the share of the application's time, between `at_least`
    and `at_most`. A code with `always_reported` ignores the cost thresholds. An `informational` code is a figure of
    every application.
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
    settings: tuple[SettingAdvice, ...] = ()

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The levels of the runs that carry it.

        For a task also its stage, because not every task has a run. For an executor the application.
        """
        if self.level == "executor" or self.level == "host":
            return ("application",)
        return ("stage", "task") if self.level == "task" else (self.level,)

    def settings_for(self, cause: str | None) -> tuple[SettingAdvice, ...]:
        """Return the settings to try: the cause's, or the code's if the cause has none."""
        return next((one.settings for one in self.causes if one.name == cause and one.settings), self.settings)

    def advice_for(self, cause: str | None) -> str:
        """Return the cause's advice, else the code's."""
        return next((one.advice for one in self.causes if one.name == cause), self.advice)


ANY = "any"
WORTH = (
    Threshold("cost_s", 1.0, "Minimum cost in seconds."),
    Threshold("cost_ratio", 0.02, "Minimum cost as a share of the application's duration."),
)
ANY_THRESHOLDS = (
    *WORTH,
    Threshold("warning_ratio", 0.05, "Minimum share of the application's duration for a warning."),
    Threshold("critical_ratio", 0.2, "Minimum share of the application's duration for a critical finding."),
)

TASKS = Threshold("tasks", 4, "Minimum number of successful tasks in the stage.")
AT_MOST = Threshold("tasks_ratio", 0.25, "Maximum share of long tasks in the stage. More of them are not an exception.")
ON_CORES = "/ concurrent tasks of the stage"
RUN_AGAIN = "the stage's tasks scheduled again on the same slots"
