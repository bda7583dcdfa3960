"""The options that commands have in common, as groups, and the values that they stand for."""

import functools
import gc
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ...schemas.job_history import COMPARED_RUNS
from ...schemas.runs.limits import MAX_JOB_RUNS, MAX_STAGE_RUNS, MAX_TASK_RUNS
from ..options import MAX_LINE_BYTES, MAX_RATIO, ReadOptions, available_cores
from . import console
from .options import (
    REGRESSION_EXIT_CODE,
    CaBundle,
    ClientCert,
    ClientKey,
    CompareLast,
    Experiment,
    FailOn,
    Header,
    MaxJobRuns,
    MaxStageRuns,
    MaxTaskRuns,
    OrchestratorUrl,
    Prices,
    Report,
    TaskRuns,
    Threshold,
    Thresholds,
    Trace,
    TrackingUri,
    Webhook,
    WebhookFormat,
    Writer,
)

if TYPE_CHECKING:
    from ...schemas.findings.threshold_overrides import Thresholds as ThresholdValues
    from ...schemas.prices import PriceList
    from ..discover import HistoryServerOptions
    from ..options import ImportOptions
    from ..publish import Experiments


@dataclass(frozen=True, slots=True)
class Importing:
    """The options of every command that imports; `@grouped` adds them to a command."""

    tracking_uri: TrackingUri = None
    experiment: Experiment = None
    task_runs: TaskRuns = "all"
    max_task_runs: MaxTaskRuns = MAX_TASK_RUNS
    max_job_runs: MaxJobRuns = MAX_JOB_RUNS
    max_stage_runs: MaxStageRuns = MAX_STAGE_RUNS
    report: Report = "auto"
    trace: Trace = False
    thresholds: Thresholds = None
    threshold: Threshold = None
    writer: Writer = "auto"
    orchestrator_url: OrchestratorUrl = None
    prices: Prices = None
    compare_last: CompareLast = COMPARED_RUNS
    webhook: Webhook = None
    webhook_format: WebhookFormat = "json"
    fail_on: FailOn = None

    def import_options(
        self,
        workers: int | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_ratio: int = MAX_RATIO,
        parent_run: str | None = None,
        restore: bool = False,
        dataset: str | None = None,
        no_runs: bool = False,
        server: "HistoryServer | None" = None,
    ) -> "ImportOptions":
        """ImportOptions of these options and of those that only some commands have.

        Raises:
            typer.BadParameter: a threshold is not valid, or nothing would be written.
        """
        from ..options import ImportOptions, WebhookOptions

        self.fail_kinds()  # check them before anything is read
        if no_runs and dataset is None:
            raise typer.BadParameter("nothing would be written; add --dataset URI", param_hint="--no-runs")
        return ImportOptions(
            read_options(self.thresholds, self.threshold, workers, max_line_bytes, max_ratio, server),
            self.task_runs,
            self.max_task_runs,
            self.max_job_runs,
            self.max_stage_runs,
            parent_run=parent_run,
            restore=restore,
            report=self.report,
            trace=self.trace,
            dataset=dataset,
            runs=not no_runs,
            prices=price_list(self.prices),
            compared_runs=self.compare_last,
            webhook=None if self.webhook is None else WebhookOptions(self.webhook, self.webhook_format),
            orchestrator_urls=_orchestrator_urls(self.orchestrator_url),
        )

    def fail_kinds(self) -> frozenset[str]:
        """The kinds of regression on which the command fails.

        Raises:
            typer.BadParameter: there is no such kind.
        """
        from ...schemas.job_history import COUNTED

        wanted = set(self.fail_on or ())
        unknown = sorted(wanted - COUNTED - {"regression"})
        if unknown:
            kinds = ", ".join(["regression", *sorted(COUNTED)])
            raise typer.BadParameter(f"{unknown[0]!r} is not one of {kinds}", param_hint="--fail-on")
        return COUNTED if "regression" in wanted else frozenset(wanted)

    def exit_code(self, code: int, kinds: Iterable[str]) -> int:
        """The exit code of a command that found these kinds of regression and would end with `code`."""
        return code or (REGRESSION_EXIT_CODE if self.fail_kinds() & set(kinds) else 0)

    def reach_store(self) -> "Experiments":
        """Checks that the tracking store answers; see pipeline.reach_store."""
        from ..pipeline import reach_store

        experiments = reach_store(self.tracking_uri, self.experiment, self.writer, console.warn)
        gc.freeze()  # what the imports of MLflow made stays, and the collector need not search it again
        return experiments

    def open_experiments(self) -> "Experiments":
        """As `reach_store`, and opens the store and the experiment."""
        return self.reach_store().open()


@dataclass(frozen=True, slots=True)
class HistoryServer:
    """The options of commands that may read from a History Server; `@grouped` adds them to a command."""

    header: Header = None
    ca_bundle: CaBundle = None
    client_cert: ClientCert = None
    client_key: ClientKey = None

    def options(self) -> "HistoryServerOptions":
        """HistoryServerOptions of these options.

        Raises:
            typer.BadParameter: a header has another form, or a key has no certificate.
        """
        from ..discover import HistoryServerOptions

        if self.client_key is not None and self.client_cert is None:
            raise typer.BadParameter("requires --client-cert", param_hint="--client-key")
        headers = {}
        for text in self.header or ():
            name, colon, value = text.partition(":")
            if not colon or not name.strip():
                # the text may be a secret
                raise typer.BadParameter("a header must have the form 'NAME: VALUE'", param_hint="--header")
            headers[name.strip()] = value.strip()
        return HistoryServerOptions(headers, self.ca_bundle, self.client_cert, self.client_key)


DEFAULTS = Importing()
NO_SERVER = HistoryServer()
_GROUPS: dict[str, type] = {"importing": Importing, "server": HistoryServer}


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Replaces a command's parameters `importing` and `server` by the options of Importing and HistoryServer."""
    own = inspect.signature(command).parameters
    groups = {name: inspect.signature(_GROUPS[name]).parameters for name in own if name in _GROUPS}

    @functools.wraps(command)
    def flat(**given: Any) -> None:
        for name, shared in groups.items():
            given[name] = _GROUPS[name](**{option: given.pop(option) for option in shared})
        command(**given)

    parameters = [parameter for name, its in own.items() for parameter in groups.get(name, {name: its}).values()]
    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


def read_options(
    thresholds: str | None,
    threshold: Sequence[str] | None,
    workers: int | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_ratio: int = MAX_RATIO,
    server: "HistoryServer | None" = None,
) -> ReadOptions:
    """ReadOptions of --thresholds, --threshold, --workers, the limits and the History Server.

    Raises:
        typer.BadParameter: a threshold or a header is not valid.
    """
    values = _threshold_values(thresholds, threshold)
    return ReadOptions(max_line_bytes, max_ratio, workers or available_cores(), values, (server or NO_SERVER).options())


def _threshold_values(file: str | None, given: Sequence[str] | None) -> "ThresholdValues":
    from ..threshold_file import read_thresholds

    try:
        return read_thresholds(file, given or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--threshold" if given else "--thresholds") from None


def _orchestrator_urls(values: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    if not values:
        return ()
    from ..orchestrators import parse_urls

    try:
        return tuple(sorted(parse_urls(values).items()))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--orchestrator-url") from None


def price_list(file: str | None) -> "PriceList | None":
    """The prices of --prices.

    Raises:
        typer.BadParameter: the file is not valid.
    """
    if file is None:
        return None
    from ..prices import read_prices

    try:
        return read_prices(file)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--prices") from None


def orchestrator_fields(values: Sequence[str] | None, of_head: bool = False) -> dict[str, str]:
    """The globs of --orchestrator by field.

    Raises:
        typer.BadParameter: see parse_fields.
    """
    if not values:
        return {}
    from ..orchestrators import parse_fields

    try:
        return parse_fields(values, of_head)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--orchestrator") from None


def pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    """The pairs of a repeatable KEY=VALUE option.

    Raises:
        typer.BadParameter: a value has no `=`.
    """
    wrong = [value for value in values or () if "=" not in value]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not KEY=VALUE", param_hint=option)
    return {key: text for key, _, text in (value.partition("=") for value in values or ())}
