"""Long lines cost bounded memory: their texts are cut, and what would need too much is skipped, both reported."""

import json

import pytest

from afterglow.ingest import decode
from afterglow.ingest.decode import events as decoding
from afterglow.ingest.decode.long_lines import memory_bytes, shorten_texts
from afterglow.schemas import spark
from afterglow.schemas.issues import ImportIssue


@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("text", ["plain ", "\n", "é", "\U0001f525", '"', "\\", "ab\\"])
def test_a_text_is_cut_between_two_characters(text: str, ascii: bool) -> None:
    text *= 50
    line = json.dumps({"App Name": text, "x": 1}, ensure_ascii=ascii).encode()
    around = len(line) - len(json.dumps(text, ensure_ascii=ascii).encode()) + 1
    for longest in range(12, 40):
        short, cut = shorten_texts(line, longest)
        found = json.loads(short.decode())
        assert found["x"] == 1 and text.startswith(found["App Name"])
        assert cut == 1 and longest - 12 < len(short) - around <= longest


def test_only_texts_that_would_be_read_are_counted() -> None:
    line = json.dumps({"physicalPlanDescription": "a" * 90, "App Name": "b" * 90, "Host": "short"}).encode()
    short, cut = shorten_texts(line, 30)
    assert cut == 1 and len(short) < 140 and b'"Host": "short"' in short


def read(line: bytes, monkeypatch: pytest.MonkeyPatch, **limits: int) -> tuple[decode.Decoded, list[tuple[str, int]]]:
    for name, value in limits.items():
        monkeypatch.setattr(decoding, name, value)
    issues: list[ImportIssue] = []
    decoded = decode.Decoded(scanner=None)
    decode.decode_lines(decode.Lines(line + b"\n", 0, 1), decoded, issues.append)
    return decoded, [(issue.code, issue.count) for issue in issues]


def test_a_line_that_would_need_too_much_memory_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    line = b'{"Event":"SparkListenerJobStart","Job ID":1,"Stage Infos":[' + b"{}," * 100 + b"{}]}"
    assert memory_bytes(line) > 100 * 270
    decoded, issues = read(line, monkeypatch, LONG_LINE_BYTES=100, MOST_MEMORY_BYTES=20_000)
    assert issues == [("line_too_long", 1)] and not decoded.events[spark.JOB_START]
    decoded, issues = read(line, monkeypatch, LONG_LINE_BYTES=100, MOST_MEMORY_BYTES=100_000)
    assert issues == [] and len(decoded.events[spark.JOB_START]) == 1


def test_a_text_of_megabytes_is_cut_to_one() -> None:
    text = b"a" * (3 << 20)
    line = b'{"Event":"SparkListenerApplicationStart","App ID":"x","App Name":"' + text * 2 + b'"}'
    issues: list[ImportIssue] = []
    decoded = decode.Decoded()
    decode.decode_lines(decode.Lines(line + b"\n", 0, 1), decoded, issues.append)
    (start,) = decoded.events[spark.APPLICATION_START]
    assert len(start.app_name) == (1 << 20) - 1 and [issue.code for issue in issues] == ["text_too_long"]
