"""Operations of Spark Connect as values, read from the text of the client's request."""

from dataclasses import dataclass
from typing import Literal

ParamValue = bool | int | float | str
Params = tuple[tuple[str, ParamValue | None], ...]
"""Params by name, sorted; None where the log cuts the value off."""
StatementKind = Literal[
    "fit", "evaluate", "transform", "fetch", "delete", "ml", "write", "command", "query", "annotation"
]
OperationStatus = Literal["FINISHED", "FAILED", "CANCELED", "RUNNING"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What one operation asked for.

    `operator` and `uid` are those of the estimator, evaluator or transformer. `params` were set by the client, without
    defaults. `models` are the ids of the models that the statement reads, outermost first, and `model_params` the
    params of the first. `plan_ids` identify the data within the client session, from the data down to what they are
    made of, as far as the text goes. `reads_model`: the data pass through a model, whose id may be cut off.
    """

    kind: StatementKind
    operator: str | None = None
    uid: str | None = None
    params: Params = ()
    models: tuple[str, ...] = ()
    model_params: Params = ()
    plan_ids: tuple[int, ...] = ()
    relation: str | None = None
    reads_model: bool = False

    @property
    def operator_class(self) -> str | None:
        """The class without its package."""
        return None if self.operator is None else self.operator.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True)
class ConnectOperation:
    """One operation of one session. `start_ms` and `end_ms` are UTC epoch; `jobs` are the jobs that it submitted."""

    operation_id: str
    session_id: str
    user: str | None
    statement: Statement
    start_ms: int
    end_ms: int | None
    status: OperationStatus
    jobs: tuple[int, ...] = ()
