"""The interface of an engine, and what every engine needs."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from ...schemas.logs import EventLog
from ..errors import AfterglowError
from ..options import ImportOptions, Progress
from ..results import Imported

if TYPE_CHECKING:
    from ..publish import Experiments

Result = TypeVar("Result")
Order = Literal["oldest", "newest", "biggest"]
EngineName = Literal["local", "spark"]

_MANY_LOGS = 20


class Engine(Protocol):
    """Imports many logs."""

    @property
    def order(self) -> Order:
        """The order of logs in which it is fastest."""

    def import_logs(
        self,
        logs: Sequence[EventLog],
        experiments: "Experiments | None",
        options: ImportOptions,
        read: Progress | None = None,
    ) -> "Generator[Imported | AfterglowError, None, None]":
        """Yields the result of each log, in order, or its error. Closing the generator stops the logs under way."""


def look_up_together(experiments: "Experiments | None", logs: Sequence[EventLog]) -> bool:
    """For many logs, reads once what is imported, instead of asking MLflow about each log. Returns whether they are
    many.

    Raises:
        PublishError: MLflow cannot be reached.
    """
    if experiments is None or len(logs) <= _MANY_LOGS:
        return False
    experiments.load_fingerprints()
    return True


def catching(call: Callable[..., Result], *arguments: object) -> Result | AfterglowError:
    """The result of a call, or the AfterglowError that it raised."""
    try:
        return call(*arguments)
    except AfterglowError as error:
        return error
