"""The plan of a SQL execution with its metrics, decoded from the compressed JSON that a batch keeps of it.

That JSON is the event from the key of the plan on: without its opening bracket.
"""

from contextlib import suppress

import msgspec
import pyarrow as pa

from .long_lines import LONG_LINE_BYTES, MOST_MEMORY_BYTES, memory_bytes, shorten_texts
from .plans import PLAN_CODEC, split_plan
from .structs import Int64


class SqlMetric(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Source: org.apache.spark.sql.execution.metric.SQLMetricInfo."""

    name: str = ""
    accumulator_id: Int64 | None = None
    metric_type: str = ""


class MeasuredPlanNode(msgspec.Struct, frozen=True, rename="camel"):
    """A node of a physical plan with the names of its metrics. Source: org.apache.spark.sql.execution.SparkPlanInfo."""

    node_name: str = ""
    simple_string: str = ""
    metrics: list[SqlMetric] = []
    children: "list[MeasuredPlanNode]" = []


class _WithPlan(msgspec.Struct, frozen=True):
    plan: MeasuredPlanNode | None = msgspec.field(name="sparkPlanInfo", default=None)


_decode = msgspec.json.Decoder(_WithPlan).decode
_decode_node = msgspec.json.Decoder(MeasuredPlanNode).decode


def decode_measured_plan(compressed: bytes, size: int) -> MeasuredPlanNode | None:
    """The root of the plan, of any depth; None where its JSON is broken. `size`: bytes before compression."""
    text = b"{" + pa.decompress(compressed, decompressed_size=size, codec=PLAN_CODEC, asbytes=True)
    if len(text) > LONG_LINE_BYTES:
        text = shorten_texts(text)[0]
    if memory_bytes(text) > MOST_MEMORY_BYTES:
        return None
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        try:
            return _decode(text).plan
        except RecursionError:
            split = split_plan(text)
            root: MeasuredPlanNode | None = None if split is None else split.build(_decode_node)
            return root
    return None
