"""Add input datasets to a run, in the form of MLflow's own store."""

import uuid
from typing import Any

from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from ....schemas import mlflow as strings
from ..interface import Dataset
from ..mlflow_internals import models


def add_dataset(session: orm.Session, experiment_id: int, run_id: str, one: Dataset) -> None:
    """Add an input to the run in the session's transaction, and the dataset if the experiment does not have it."""
    same = (experiment_id, one.name, one.digest)
    found: Any = session.get(models.SqlDataset, same)
    if found is None:
        found = models.SqlDataset(
            dataset_uuid=uuid.uuid4().hex,
            experiment_id=experiment_id,
            name=one.name,
            digest=one.digest,
            dataset_source_type=one.source_type,
            dataset_source=one.source,
        )
        try:
            with session.begin_nested():
                session.add(found)
        except IntegrityError:  # another import has just committed it
            found = session.get(models.SqlDataset, same, populate_existing=True)
    edge = ("DATASET", found.dataset_uuid, "RUN", run_id)
    if session.get(models.SqlInput, edge) is None:
        there = models.SqlInput(
            input_uuid=uuid.uuid4().hex,
            source_type=edge[0],
            source_id=edge[1],
            destination_type=edge[2],
            destination_id=edge[3],
        )
        session.add(there)
        session.flush()
        session.add(models.SqlInputTag(input_uuid=there.input_uuid, name=strings.DATASET_CONTEXT, value="training"))
    session.flush()
