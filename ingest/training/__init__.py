"""Searches, trials and fits of one application, and the place of every job: tables in, tables out.

evidence (jobs, RDDs and plans of the log) -> recognizers (one module per framework, see interface.py) ->
assignment (one place per job) -> tables. Pure functions; what the log does not say stays null.
"""

from collections.abc import Mapping

import pyarrow as pa

from ...schemas.annotations import AnnotatedFit
from ...schemas.connect import ConnectOperation
from .assignment import assign_jobs
from .evidence import gather_evidence
from .recognizers import RECOGNIZERS
from .tables import Training, training_tables

__all__ = ["Training", "recognize_training"]


def recognize_training(
    rows: Mapping[str, pa.Table],
    tables: Mapping[str, pa.Table],
    annotated_searches: Mapping[str, str],
    annotated_fits: Mapping[str, AnnotatedFit],
    model_stages: frozenset[int],
    ended: bool,
    operations: tuple[ConnectOperation, ...] = (),
) -> Training:
    """The searches, trials and fits of an application, and its jobs table with their columns filled.

    `rows` are event rows; `tables` holds the assembled `jobs`, `stages` and `tasks`; `annotated_searches` maps the id
    of an annotated call of fit to its tuning_uid; `annotated_fits` are such calls outside searches by id;
    `model_stages` are those whose tasks recorded models; `ended`: no more jobs can come; `operations` are those of
    Spark Connect.
    """
    evidence = gather_evidence(
        rows,
        tables["jobs"],
        tables["stages"],
        tables["tasks"],
        annotated_searches,
        annotated_fits,
        model_stages,
        ended,
        operations,
    )
    return training_tables(evidence, assign_jobs(evidence, RECOGNIZERS), tables["jobs"])
