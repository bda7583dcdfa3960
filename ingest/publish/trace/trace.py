"""Write an application as an MLflow trace, linked to its run. It is rewritten only if the log has grown.

The trace's id is derived from the application's key. A tag of the application run has the trace's id and whether it is
complete. The next import rewrites an incomplete trace.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....schemas.runs.params_tags import TRACE_TAG
from ....schemas.runs.tree import RunTree
from ...errors import PublishError
from ...transient_errors import STATUS_IN_TEXT, http_status
from ..error_messages import translate_errors
from ..interface import Published, Writer
from ..mlflow_internals import tracing_client
from ..store import TrackingStore
from .spans import SpanRecord, digest_of, spans_of, trace_number

if TYPE_CHECKING:
    from mlflow.entities import Span, TraceInfo
    from opentelemetry.sdk.resources import Resource

_SPANS_AT_ONCE = 500
_NS = 1_000_000


def write_trace(tree: RunTree, published: Published, writer: Writer) -> bool:
    """Write the trace of an application whose runs are written. Return whether anything was written.

    Raises:
        PublishError: MLflow refused or could not be reached; the next import with --trace continues from there.
    """
    if published.state == "deleted":
        return False
    store = writer.store
    tracing = _tracing(store)
    spans = spans_of(tree)
    number = trace_number(published.experiment_id, tree.application.key)
    trace_id = f"tr-{number:032x}"
    whole = f"{trace_id} {digest_of(spans)}"
    with translate_errors("cannot write the trace"):
        run = store.call(store.client.get_run, published.run_id)
        there = store.call(_exists, tracing, trace_id)
        if there and run.data.tags.get(TRACE_TAG) == whole:
            return False
        store.call(store.client.set_tag, published.run_id, TRACE_TAG, trace_id)
        if there:
            store.call(tracing.delete_traces, published.experiment_id, trace_ids=[trace_id])
        store.call(tracing.start_trace, _info(trace_id, tree, published, spans))
        for begin in range(0, len(spans), _SPANS_AT_ONCE):
            some = [_span(one, number, trace_id) for one in spans[begin : begin + _SPANS_AT_ONCE]]
            try:
                store.call(tracing.log_spans, published.experiment_id, some)
            except NotImplementedError as error:
                raise PublishError(f"{error}; import without --trace") from error
        store.call(store.client.set_tag, published.run_id, TRACE_TAG, whole)
    return True


def delete_trace(store: TrackingStore, tag: str | None) -> None:
    """Delete the trace named by an application run's tag, complete or not."""
    if tag:
        trace_id = tag.split()[0]
        with translate_errors("cannot delete the trace"):
            store.call(_tracing(store).delete_traces, store.experiment_id, trace_ids=[trace_id])


def _tracing(store: TrackingStore) -> Any:
    """MLflow's own writer of traces, which has no public type."""
    found = tracing_client(store.client)
    if found is None:
        raise PublishError("this MLflow takes no traces; import without --trace")
    return found


def _exists(tracing: Any, trace_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        tracing.get_trace_info(trace_id)
    except MlflowException as error:
        if http_status(error) == 404 and STATUS_IN_TEXT.search(str(error)):  # a web page instead of MLflow's JSON
            raise PublishError(
                "the server takes no traces, since its MLflow is too old; import without --trace"
            ) from error
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return False
        raise
    return True


def _info(trace_id: str, tree: RunTree, published: Published, spans: Sequence[SpanRecord]) -> "TraceInfo":
    from mlflow.entities import TraceInfo, TraceLocation, TraceState

    from ..mlflow_internals import TraceMetadataKey, TraceTagKey

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


def _span(one: SpanRecord, number: int, trace_id: str) -> "Span":
    from mlflow.entities import Span
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode

    from ..mlflow_internals import SpanAttributeKey, build_otel_context

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


def _no_resource() -> "Resource":
    from opentelemetry.sdk.resources import Resource

    return Resource.get_empty()
