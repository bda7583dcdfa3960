"""The request of a Spark Connect operation, as the event log holds it: protobuf text, read leniently.

`SparkListenerConnectOperationStarted.statementText` is the request in protobuf's text format after
`org.apache.spark.sql.connect.common.ProtoUtils.abbreviate`: long strings are cut, and so are messages below a nesting
level (`ExecuteEventsManager.MAX_STATEMENT_TEXT_SIZE`, `MAX_STATEMENT_NESTING_LEVEL`). Redaction may replace any part of
it. Two spaces of indentation per level tell the structure, so a damaged line costs that line and not the rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...schemas.annotations import CONNECT_QUERY
from ...schemas.connect import Params, ParamValue, Statement, StatementKind

_LINE = re.compile(r"^( *)([A-Za-z_]\w*)(?:: (.*)| (\{)(?:\s*\})?)$")
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(slots=True)
class Message:
    """One protobuf message: its scalar fields and its nested messages, each with every occurrence in order."""

    scalars: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, list["Message"]] = field(default_factory=dict)

    def get(self, *path: str) -> "Message | None":
        """The first nested message at a path of field names; None where the text does not have it."""
        found: Message | None = self
        for name in path:
            found = None if found is None else next(iter(found.messages.get(name, ())), None)
        return found

    def text(self, *path: str) -> str | None:
        """The first scalar at a path of field names, unquoted; None where the text does not have it."""
        inner = self.get(*path[:-1])
        value = None if inner is None else next(iter(inner.scalars.get(path[-1], ())), None)
        return None if value is None else unquote(value)

    def walk(self) -> Iterator[tuple[str, "Message"]]:
        """Every nested message with its field name, outermost first."""
        pending = [(name, one) for name, many in reversed(self.messages.items()) for one in reversed(many)]
        while pending:
            name, one = pending.pop()
            yield name, one
            pending.extend((n, o) for n, many in reversed(one.messages.items()) for o in reversed(many))


def parse_text(text: str) -> Message:
    """Protobuf text -> its fields. Lines that are not fields are skipped. Never raises."""
    root = Message()
    open_messages: list[tuple[int, Message]] = [(-1, root)]
    for line in text.split("\n"):
        match = _LINE.match(line)
        if match is None:
            continue
        depth = len(match[1])
        while open_messages[-1][0] >= depth:
            open_messages.pop()
        inside = open_messages[-1][1]
        if match[4]:
            message = Message()
            inside.messages.setdefault(match[2], []).append(message)
            open_messages.append((depth, message))
        else:
            inside.scalars.setdefault(match[2], []).append(match[3])
    return root


def read_statement(text: str | None) -> Statement:
    """The operation's request; kind `query` or `command` where it is no ML command."""
    root = parse_text(text or "")
    ml = root.get("ml_command") or root.get("command", "ml_command")
    if ml is not None:
        return _ml_statement(ml)
    if root.messages.get("write_operation") or root.messages.get("write_operation_v2"):
        return Statement("write")
    sql = root.get("sql_command")
    if sql is not None and CONNECT_QUERY in (sql.text("sql"), sql.text("input", "sql", "query")):
        return Statement("annotation")
    relation = next((name for name in root.messages if name != "common"), None)
    inner = next((one for name, one in root.walk() if name == "ml_relation"), None)
    transform = None if inner is None else inner.get("transform")
    if transform is not None:
        return Statement(
            "transform",
            transform.text("transformer", "name"),
            transform.text("transformer", "uid"),
            params=_params(transform.get("params")),
            models=_models(root),
            relation=relation,
        )
    is_command = any(name.endswith("command") or name.startswith("create_") for name in root.messages)
    return Statement("command" if is_command else "query", relation=relation)


def _ml_statement(ml: Message) -> Statement:
    fit, evaluate = ml.get("fit"), ml.get("evaluate")
    if fit is not None:
        data = fit.get("dataset") or Message()
        return Statement(
            "fit",
            fit.text("estimator", "name"),
            fit.text("estimator", "uid"),
            _params(fit.get("params")),
            _models(data),
            plan_ids=_plan_ids(data),
            reads_model=_reads_model(data),
        )
    if evaluate is not None:
        data = evaluate.get("dataset") or Message()
        return Statement(
            "evaluate",
            evaluate.text("evaluator", "name"),
            evaluate.text("evaluator", "uid"),
            _params(evaluate.get("params")),
            _models(data),
            _params(data.get("ml_relation", "transform", "params")),
            _plan_ids(data),
            reads_model=_reads_model(data),
        )
    kind: StatementKind = "fetch" if ml.get("fetch") else "delete" if ml.get("delete") else "ml"
    return Statement(kind, models=_models(ml))


def _models(message: Message) -> tuple[str, ...]:
    found = [one.text("id") for name, one in message.walk() if name in ("obj_ref", "obj_refs")]
    return tuple(dict.fromkeys(one for one in found if one))


def _reads_model(data: Message) -> bool:
    return any("obj_ref" in one.messages for _, one in (("", data), *data.walk()))


def _plan_ids(data: Message) -> tuple[int, ...]:
    """`common.plan_id` of a relation and of its inputs, outermost first."""
    found: list[int] = []
    pending = [data]
    while pending:
        message = pending.pop(0)
        plan = _int(message.text("common", "plan_id"))
        if plan is not None:
            found.append(plan)
        pending.extend(one for name, many in message.messages.items() if name != "common" for one in many)
    return tuple(dict.fromkeys(found))


def _params(message: Message | None) -> Params:
    if message is None:
        return ()
    found: list[tuple[str, ParamValue | None]] = []
    for one in message.messages.get("params", ()):
        key = one.text("key")
        if key is not None:
            found.append((key, _value(one.get("value"))))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _value(value: Message | None) -> ParamValue | None:
    """A literal; None for arrays, vectors and other messages, whose elements the log cuts off."""
    if value is None:
        return None
    for name, (text, *_) in value.scalars.items():
        if name == "boolean":
            return text == "true"
        if name in ("byte", "short", "integer", "long"):
            return _int(text)
        if name in ("float", "double"):
            try:
                return float(text)
            except ValueError:
                return None
        if name == "string":
            return unquote(text)
    return None


def _int(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def unquote(text: str) -> str:
    """The value of a quoted string of the text format; any other scalar as it is."""
    if len(text) < 2 or text[0] not in "\"'" or text[-1] != text[0]:
        return text
    if "\\" not in text:
        return text[1:-1]
    octets = _ESCAPE.sub(lambda m: chr(int(m[1], 8) & 0xFF) if m[1] else _NAMED.get(m[2], m[2]), text[1:-1])
    try:  # bytes above 127 are written as octal escapes of UTF-8
        return octets.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return octets
