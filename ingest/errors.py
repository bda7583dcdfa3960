"""The errors a caller can expect; anything else is our bug and keeps its traceback.

AfterglowError
├── InputError      exit 3   a log cannot be found or read at all
├── AssemblyError   exit 4   events were read, but no application can be built from them
└── PublishError    exit 5   MLflow refused or could not be reached
"""


class AfterglowError(Exception):
    """Base of all. The message says `file:line: what is wrong; what to do`."""

    exit_code = 1
    transient: bool | None = None
    """Whether the same call may succeed later; None where the error's cause decides (see `transient.is_transient`)."""

    def __str__(self) -> str:
        """The message without secrets: text of a log, or a URI, may be in it."""
        from .redaction.text import redact_text  # imports pyarrow, which a command that works need not wait for

        return redact_text(super().__str__())


class InputError(AfterglowError):
    """A log cannot be found or read at all."""

    exit_code = 3


class AssemblyError(AfterglowError):
    """Events were read, but no application can be built from them."""

    exit_code = 4


class PublishError(AfterglowError):
    """MLflow refused the runs or could not be reached."""

    exit_code = 5
