"""The event format without Spark: written events are read back, and malformed texts are rejected."""

from __future__ import annotations

import json
import math

import pytest

from afterglow.annotate import encode
from afterglow.schemas.annotations import (
    CUT,
    EVENT_KINDS,
    MAX_PIECES,
    MAX_TEXT,
    PROPERTY_DOCS,
    TUNING_ID,
    VERSION,
    parse_event,
    read_events,
)
from afterglow.schemas.spark import REDACTED


def _event(**fields: object) -> dict[str, object]:
    return {"event": "fit_end", "time_ms": 5, "id": "w-1", **fields}


def _text(*events: object, seq: object = 1, **more: object) -> str:
    return json.dumps({"v": VERSION, "writer": "w", "seq": seq, "events": list(events), **more})


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-310, 5e300, -0.0, 3, math.inf, -math.inf, math.nan])
def test_a_metric_survives_to_the_last_digit(value: float) -> None:
    (text,) = encode.texts("w", 1, [_event(metric=encode.number(value))])
    parsed = parse_event(text)
    assert parsed is not None and repr(parsed["events"][0]["metric"]) == repr(float(value))


def test_long_envelopes_come_in_pieces_and_are_joined_in_any_order() -> None:
    maps = [{"LogisticRegression.regParam": 'quote " and Ä \\', "n": n} for n in range(5_000)]
    event = {"event": "tuning_start", "time_ms": 1, "id": "w-1", "param_maps": maps}
    texts = list(encode.texts("w", 3, [event]))
    assert 2 < len(texts) <= MAX_PIECES and all(len(text) < MAX_TEXT and text.isascii() for text in texts)
    assert list(read_events([*reversed(texts), *texts])) == [{**event, "writer": "w", "seq": 3}]
    assert list(read_events(texts[1:])) == []


def test_what_is_longer_still_says_what_it_lacks() -> None:
    event = {"event": "tuning_start", "time_ms": 1, "id": "w-1", "uid": "u", "param_maps": [{"p": "x" * 6_000}] * 1_000}
    (read,) = read_events(encode.texts("w", 1, [event]))
    assert read == {
        "event": "tuning_start",
        "time_ms": 1,
        "id": "w-1",
        "uid": "u",
        CUT: ["param_maps"],
        "writer": "w",
        "seq": 1,
    }


def test_events_are_read_once_and_in_order() -> None:
    texts = [_text(_event(trial=2), seq=2), _text(_event(trial=0), _event(trial=1)), _text(_event(trial=2), seq=2)]
    assert [event["trial"] for event in read_events(texts)] == [0, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '"x"',
        "NaN",
        '{"v":1}',
        '{"v":1,"writer":"w","seq":1}',
        "[" * 50_000,
        " " * (MAX_TEXT + 1),
        '{"v":1,"writer":"w","seq":NaN,"events":[]}',
        '{"v":1,"writer":"w","seq":1e400,"events":[]}',
        "9" * 50_000,
        '{"v":1,"writer":"w","seq":1,"piece":2,"pieces":2,"text":""}',
        _text(seq=True),
        _text(seq=2**70),
        _text(writer=3),
        '{"v":1,"writer":"w","seq":1,"piece":0,"pieces":9999999,"text":""}',
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_event(text) is None
    assert list(read_events([text])) == []


def test_what_is_undeclared_or_of_another_type_is_left_out() -> None:
    parsed = parse_event(
        _text(
            _event(
                metric="nan",
                fold="0",
                trial=True,
                start_ms=2**64,
                status=["x"],
                unknown=1,
                loss={"a": [1, "x"], "b": [2]},
            ),
            _event(metric=10**400),
            {"event": "later", "time_ms": 1},
            {"event": "log"},
            3,
            ["event"],
            {"event": ["log"]},
        )
    )
    assert parsed is not None
    assert parsed["events"] == [_event(loss={"b": [2.0]}), _event()]


def test_only_the_params_name_is_looked_at_for_secrets() -> None:
    values = {"Tokenizer.inputCol": "text", "Model.token": "x", "Model.accessKey": "y"}
    assert encode.redacted(values, stage_prefix=True) == {
        "Tokenizer.inputCol": "text",
        "Model.token": REDACTED,
        "Model.accessKey": REDACTED,
    }
    assert encode.redacted({"a.secret.b": 1}) == {"a.secret.b": REDACTED}


def test_everything_is_documented() -> None:
    assert TUNING_ID in PROPERTY_DOCS and all(PROPERTY_DOCS.values())
    fields = [field for kind in EVENT_KINDS.values() for field in (kind, *kind.fields)]
    assert all(field.doc.endswith(".") for field in fields)
