"""What can be wrong with a log: every issue code with its severity and advice, and the issue itself."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class IssueCode:
    """One kind of issue. error: data was lost; warning: data was repaired or is doubtful; note: worth knowing."""

    code: str
    severity: Severity
    doc: str
    advice: str


@dataclass(frozen=True, slots=True)
class ImportIssue:
    """One issue at one place. `line` counts from 1. `offset` is the line's byte offset in the decompressed file.
    `count` is the number of values, lines or events that it covers."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    offset: int | None = None
    count: int = 1

    @property
    def severity(self) -> Severity:
        """The severity of the code."""
        return ISSUE_CODES[self.code].severity

    @property
    def place(self) -> str:
        """`file:line`, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)


_CODES = (
    IssueCode(
        "line_broken",
        "error",
        "A line is not a JSON event; it was skipped.",
        "Everything else was read. If the log is a copy, copy it again.",
    ),
    IssueCode(
        "line_cut",
        "error",
        "The last line ends in the middle of an event.",
        "Import again when the application has ended. If the driver was killed, the rest of the log does not exist.",
    ),
    IssueCode(
        "line_too_long",
        "error",
        "A line is longer than --max-line-bytes, or needs too much memory once parsed; it was skipped.",
        "Raise --max-line-bytes to read the line.",
    ),
    IssueCode(
        "text_too_long",
        "warning",
        "A text in a line of more than 4 MiB is longer than 1 MiB; it was cut to that length.",
        "Nothing: the rest of the line was read.",
    ),
    IssueCode(
        "line_repaired",
        "warning",
        "A line is not valid JSON (NaN, Infinity, wrong UTF-8, NUL bytes, two events on one line), but could be read.",
        "No action needed.",
    ),
    IssueCode(
        "field_unusable",
        "warning",
        "A field holds a value of another type or size than Spark writes; the value was read as missing.",
        "The rest of the event was read.",
    ),
    IssueCode(
        "stream_damaged",
        "error",
        "The compressed stream is damaged; reading continued behind the damage.",
        "Copy the log again.",
    ),
    IssueCode(
        "stream_truncated",
        "error",
        "The compressed stream ends in the middle of a block.",
        "Import again when the application has ended. If the driver was killed, the rest of the log does not exist.",
    ),
    IssueCode(
        "segment_missing", "error", "A segment of a rolling log is missing.", "Find the segment and import again."
    ),
    IssueCode(
        "log_compacted",
        "warning",
        "Spark compacted the log, which drops the events of finished jobs.",
        "Raise spark.history.fs.eventLog.rolling.maxFilesToRetain.",
    ),
    IssueCode(
        "application_not_read",
        "error",
        "The file also holds the log of another application, which was not read.",
        "Split the file at the line in the message and import both parts.",
    ),
    IssueCode(
        "native_scanner_missing",
        "note",
        "The native scanner was not built, so large logs are read several times slower.",
        "Install a C compiler and reinstall Afterglow.",
    ),
    IssueCode("file_unreadable", "error", "A file of the log could not be read.", "Follow the message."),
    IssueCode(
        "event_duplicate",
        "warning",
        "The log holds the same event more than once; the first one was used.",
        "No action needed.",
    ),
    IssueCode(
        "application_copied",
        "note",
        "The same application attempt was found in several places; the most complete log was read.",
        "No action needed.",
    ),
    IssueCode(
        "application_start_missing",
        "warning",
        "The log has no ApplicationStart; the application is named after the file.",
        "No action needed.",
    ),
    IssueCode(
        "application_end_missing",
        "note",
        "The log has no ApplicationEnd: the application is still running, or its driver died.",
        "Import again when the application has ended.",
    ),
    IssueCode(
        "tasks_unfinished", "note", "Tasks have a TaskStart but no TaskEnd, in a stage that ended.", "No action needed."
    ),
    IssueCode(
        "tasks_missing", "error", "A stage succeeded, but not all of its tasks are in the log.", "No action needed."
    ),
    IssueCode(
        "task_ids_missing", "error", "Task ids are missing between the first and the last one.", "No action needed."
    ),
    IssueCode("stage_unknown", "warning", "Tasks or stages belong to no job in the log.", "No action needed."),
    IssueCode(
        "figure_impossible",
        "warning",
        "A figure cannot be: negative, an end before its start, or years from all others. It counts as missing.",
        "Synchronize the clocks of the cluster.",
    ),
    IssueCode(
        "end_missing",
        "error",
        "A job or stage ended, but its JobEnd or StageCompleted is not in the log.",
        "Raise spark.scheduler.listenerbus.eventqueue.capacity: a full queue drops events.",
    ),
    IssueCode(
        "annotation_collides",
        "warning",
        "The job logged a param or tag twice with different values.",
        "Nothing: the later value got a suffix.",
    ),
    IssueCode(
        "annotation_unreadable",
        "warning",
        "A property or tag afterglow.event holds no annotation, or one of another format.",
        "Use versions of the annotation and of Afterglow that fit each other.",
    ),
    IssueCode(
        "text_cut",
        "note",
        "A text is longer than MLflow accepts and was cut; the tables hold all of it.",
        "No action needed.",
    ),
    IssueCode(
        "name_changed",
        "note",
        "MLflow does not accept a name; the characters it refuses were replaced.",
        "No action needed.",
    ),
    IssueCode(
        "plans_left_out",
        "note",
        "Plans of SQL executions are not in sql_nodes: the log has more nodes than it holds, or a plan cannot be read.",
        "Nothing.",
    ),
    IssueCode(
        "redaction_regex_unused",
        "warning",
        "The log's own spark.redaction.regex could not be used; secrets were redacted by the default rules.",
        "Set a pattern without look-around and back-references, of at most 2,000 characters.",
    ),
    IssueCode(
        "redaction_regex_costly",
        "warning",
        "The log's own spark.redaction.regex repeats a repetition, which may take Java exponential time. Afterglow "
        "matched it in linear time.",
        "Set a pattern without nested repetitions: Spark matches it against every property.",
    ),
    IssueCode(
        "value_not_numeric",
        "note",
        "A named accumulator of the user is not a number; its updates were left out.",
        "No action needed.",
    ),
)

ISSUE_CODES = {code.code: code for code in _CODES}
