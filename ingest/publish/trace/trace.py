"""Writes an application as an MLflow trace, linked to its run: once, and again only where the log has grown.

The trace's id is derived from the application's key. The application run's tag says which trace it has and whether it
is whole: an import that was killed in between writes it again.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from ....schemas.runs.params_tags import TRACE_TAG
from ....schemas.runs.tree import RunTree
from ...errors import PublishError
from ..interface import Published, Writer
from ..retry import Patience, patiently, refused
from .spans import SpanRecord, digest_of, spans_of, trace_number

_SPANS_AT_ONCE = 500
_NS = 1_000_000


def write_trace(tree: RunTree, published: Published, writer: Writer) -> bool:
    """Writes the trace of an application whose runs are written; whether there was something to write.

    Raises:
        PublishError: MLflow refused or could not be reached; the next import with --trace goes on from there.
    """
    if published.state == "deleted":
        return False
    client: Any = _client(writer)
    patience: Patience = getattr(writer, "patience", None) or Patience()
    spans = spans_of(tree)
    number = trace_number(published.experiment_id, tree.application.key)
    trace_id = f"tr-{number:032x}"
    whole = f"{trace_id} {digest_of(spans)}"
    with refused("cannot write the trace"):
        run = patiently(partial(client.get_run, published.run_id), patience)
        tracing = client._tracing_client
        there = patiently(partial(_exists, tracing, trace_id), patience)
        if there and run.data.tags.get(TRACE_TAG) == whole:
            return False
        patiently(partial(client.set_tag, published.run_id, TRACE_TAG, trace_id), patience)
        if there:
            patiently(partial(tracing.delete_traces, published.experiment_id, trace_ids=[trace_id]), patience)
        patiently(partial(tracing.start_trace, _info(trace_id, tree, published, spans)), patience)
        for begin in range(0, len(spans), _SPANS_AT_ONCE):
            some = [_span(one, number, trace_id) for one in spans[begin : begin + _SPANS_AT_ONCE]]
            try:
                patiently(partial(tracing.log_spans, published.experiment_id, some), patience)
            except NotImplementedError as error:
                raise PublishError(f"{error}; import without --trace") from error
        patiently(partial(client.set_tag, published.run_id, TRACE_TAG, whole), patience)
    return True


def delete_trace(client: Any, experiment_id: str, tag: str | None, patience: Patience) -> None:
    """Deletes the trace that an application run's tag names, whole or not."""
    if tag:
        trace_id = tag.split()[0]
        with refused("cannot delete the trace"):
            delete = partial(client._tracing_client.delete_traces, experiment_id, trace_ids=[trace_id])
            patiently(delete, patience)


def _client(writer: Writer) -> Any:
    client = getattr(writer, "client", None)
    if client is None or not hasattr(client, "_tracing_client"):
        raise PublishError("this MLflow takes no traces; import without --trace")
    return client


def _exists(tracing: Any, trace_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        tracing.get_trace_info(trace_id)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return False
        raise
    return True


def _info(trace_id: str, tree: RunTree, published: Published, spans: Sequence[SpanRecord]) -> Any:
    from mlflow.entities import TraceInfo, TraceLocation, TraceState
    from mlflow.tracing.constant import TraceMetadataKey, TraceTagKey

    root, last = tree.application, max(span.end_ms for span in spans)
    state = {"FAILED": TraceState.ERROR, "RUNNING": TraceState.IN_PROGRESS}.get(root.status, TraceState.OK)
    left = len(tree.runs) - len(spans)
    said = f"{len(spans):,} spans" + (f", {left:,} shorter ones left out" if left else "")
    return TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id(published.experiment_id),
        request_time=root.start_ms,
        state=state,
        request_preview=json.dumps({"application": root.name[:200]}, ensure_ascii=False),
        response_preview=json.dumps({"spans": said}),
        execution_duration=last - root.start_ms,
        trace_metadata={TraceMetadataKey.SOURCE_RUN: published.run_id},
        tags={TraceTagKey.TRACE_NAME: spans[0].name, "afterglow.key": root.key, "afterglow.spans": said},
    )


def _span(one: SpanRecord, number: int, trace_id: str) -> Any:
    from mlflow.entities import Span
    from mlflow.tracing.constant import SpanAttributeKey
    from mlflow.tracing.utils import build_otel_context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode

    attributes = {
        SpanAttributeKey.REQUEST_ID: trace_id,
        SpanAttributeKey.SPAN_TYPE: one.kind,
        SpanAttributeKey.INPUTS: dict(one.inputs),
        SpanAttributeKey.OUTPUTS: dict(one.outputs),
    }
    code = StatusCode.ERROR if one.failed else StatusCode.UNSET if one.open else StatusCode.OK
    return Span(
        ReadableSpan(
            name=one.name,
            context=build_otel_context(number, one.id),
            parent=None if one.parent is None else build_otel_context(number, one.parent),
            start_time=one.start_ms * _NS,
            end_time=one.end_ms * _NS,
            attributes={key: json.dumps(value, ensure_ascii=False) for key, value in attributes.items()},
            status=Status(code, str(one.inputs.get("failure", "")) or None if one.failed else None),
            resource=_no_resource(),
        )
    )


def _no_resource() -> Any:
    from opentelemetry.sdk.resources import Resource

    return Resource.get_empty()
