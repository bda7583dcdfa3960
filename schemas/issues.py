"""What can be wrong with a log: every code, its severity and what to do, declared once; and the issue as a value."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class IssueCode:
    """One kind of damage or oddity. error: data lost; warning: repaired or doubtful; note: worth knowing."""

    code: str
    severity: Severity
    doc: str
    advice: str


@dataclass(frozen=True, slots=True)
class ImportIssue:
    """One issue at one place. `line` counts from 1; `offset` is the line's byte offset in the decompressed file."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    offset: int | None = None
    count: int = 1

    @property
    def severity(self) -> Severity:
        """As declared for the code."""
        return ISSUE_CODES[self.code].severity

    @property
    def place(self) -> str:
        """`file:line`, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)


_CODES = (
    IssueCode(
        "line_broken",
        "error",
        "A line is no JSON event; it was passed over.",
        "Nothing: everything else was read. Copy the log again if the copy may be at fault.",
    ),
    IssueCode(
        "line_cut",
        "error",
        "The last line is cut.",
        "Import again when the application has ended; a killed driver leaves it so.",
    ),
    IssueCode(
        "line_too_long",
        "error",
        "A line is longer than --max-line-bytes; it was passed over.",
        "Raise --max-line-bytes if the line is wanted.",
    ),
    IssueCode(
        "line_repaired",
        "warning",
        "A line was no valid JSON (NaN, Infinity, wrong UTF-8, NUL bytes, two events "
        "on one line) and was read all the same.",
        "Nothing.",
    ),
    IssueCode(
        "field_unusable",
        "warning",
        "A field holds a value of another type or size than Spark writes; read as missing.",
        "Nothing: the rest of the event was read.",
    ),
    IssueCode(
        "stream_damaged",
        "error",
        "The compressed stream is damaged; reading went on after the damage.",
        "Copy the log again.",
    ),
    IssueCode(
        "stream_truncated",
        "error",
        "The compressed stream ends in the middle of a block.",
        "Import again when the application has ended; a killed driver leaves it so.",
    ),
    IssueCode(
        "segment_missing", "error", "A segment of a rolling log is missing.", "Find the segment and import again."
    ),
    IssueCode(
        "log_compacted",
        "warning",
        "Spark compacted the log: events of finished jobs were dropped.",
        "Set spark.history.fs.eventLog.rolling.maxFilesToRetain higher.",
    ),
    IssueCode("file_unreadable", "error", "A file of the log could not be read.", "See the message."),
    IssueCode(
        "event_duplicate",
        "warning",
        "The same event stands in the log more than once; the first one counts.",
        "Nothing.",
    ),
    IssueCode("application_copied", "note", "The same application attempt lies in several places.", "Nothing."),
    IssueCode(
        "application_start_missing",
        "warning",
        "No ApplicationStart: the application is named after the file.",
        "Nothing.",
    ),
    IssueCode(
        "application_end_missing",
        "note",
        "No ApplicationEnd: still running, or the driver died.",
        "Import again when it has ended.",
    ),
    IssueCode("tasks_unfinished", "note", "Tasks that started have no TaskEnd in a stage that ended.", "Nothing."),
    IssueCode("tasks_missing", "error", "A stage ended well, but not all of its tasks are in the log.", "Nothing."),
    IssueCode("task_ids_missing", "error", "Task ids are missing between the first and the last.", "Nothing."),
    IssueCode("stage_unknown", "warning", "Tasks or stages belong to no job of the log.", "Nothing."),
    IssueCode(
        "annotation_collides",
        "warning",
        "The job said a param or tag twice with different values.",
        "Nothing: the later one has a suffix.",
    ),
    IssueCode(
        "text_cut", "note", "A text is longer than MLflow takes and was cut; the tables hold it whole.", "Nothing."
    ),
    IssueCode(
        "name_changed", "note", "MLflow does not take a name; the characters it refuses were replaced.", "Nothing."
    ),
    IssueCode(
        "redaction_regex_unused",
        "warning",
        "The log's own spark.redaction.regex could not be used; secrets were redacted by the default rules.",
        "Set a pattern without look-around and back-references, of at most 2,000 characters.",
    ),
    IssueCode(
        "value_not_numeric", "note", "A named accumulator holds something else than a number; left out.", "Nothing."
    ),
)

ISSUE_CODES = {code.code: code for code in _CODES}
