"""The native scanner and the Python way read every line alike: ordinary ones, odd ones and damaged ones."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterglow.ingest import codecs, decode, extract
from afterglow.ingest.decode.native import scanner as scan
from afterglow.schemas import spark
from afterglow.schemas.issues import ImportIssue

pytestmark = pytest.mark.native
SAMPLES = Path(__file__).parents[2] / "sample_logs"
PIECES = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-",
    b"0",
    b"1.5",
    b"1e5",
    b"NaN",
    b"\x00",
]
PIECES += [
    b"\n",
    b"\r\n",
    b" ",
    b"\xc3\xa9",
    b"\xff",
    b"\\u0041",
    b'"Task ID":',
    b'"Internal":false,',
    b"99999999999999999999",
]
PIECES += [
    b'{"Event":"SparkListenerTaskEnd",',
    b'"Accumulables":[{}],',
    b'"Task Info":{},',
    b'"children":[],',
    b'"metadata":{},',
]
PIECES += [
    b'"nodeName":"Scan x",',
    b'"nodeName":"MapInPandas",',
    b'"nodeName":"FlatMapGroupsInPandas",',
    b"_rand#1",
    b'"executionId":3,',
    b"3000000000",
    b"\t",
    b'"Host":null,',
    b'"Failed":3,',
]


def lines_of(sample: Path) -> Iterator[bytes]:
    for file in sorted(sample.rglob("*")):
        if file.is_file() and file.suffix not in {".md", ".json"}:
            raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            chunks = codecs.open_stream(io.BytesIO(raw))[1]
            yield from b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)).split(b"\n")


def interesting() -> list[bytes]:
    """A few lines of every sample for each kind of event that the scanner has a hand in, short ones first."""
    wanted = [name.encode() for name in (spark.TASK_END, spark.TASK_START, spark.SQL_START, spark.JOB_END)]
    found: list[bytes] = []
    for sample in sorted(path for path in SAMPLES.iterdir() if path.is_dir()):
        for name in wanted:
            lines = sorted((line for line in lines_of(sample) if name in line[:120]), key=len)
            found += lines[:1] + lines[len(lines) // 2 : len(lines) // 2 + 1] + lines[-1:]
    assert len(found) > 40
    return found


LINES = interesting()


def read(data: bytes, native: bool, begin: int = 0) -> tuple[object, ...]:
    issues: list[ImportIssue] = []
    decoded = decode.Decoded() if native else decode.Decoded(scanner=None)
    assert (decoded.scanner is not None) == native
    thin = scan.NATIVE
    try:
        decode.events.NATIVE = native  # type: ignore[attr-defined]
        decode.decode_lines(decode.Lines(b"\n" * begin + data, 0, 1, True, begin), decoded, issues.append)
    finally:
        decode.events.NATIVE = thin  # type: ignore[attr-defined]
    decoded.close()
    batches = extract.extract(decoded, decode.PATHS, 0, issues.append)
    tables = {name: batch.to_pylist() for name, batch in batches.items()}
    return tables, issues, decoded.lines, decoded.count


@st.composite
def edited(draw: st.DrawFn) -> bytes:
    """Lines of a log, some of them with pieces cut out, put in or doubled."""
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        line = draw(st.sampled_from(LINES))
        if draw(st.booleans()):  # the scanner has seen the line as it was, and knows its shape
            lines.append(line)
        for _ in range(draw(st.integers(0, 3))):
            at = draw(st.integers(0, len(line)))
            match draw(st.integers(0, 3)):
                case 0:
                    line = line[:at] + draw(st.sampled_from(PIECES)) + line[at:]
                case 1:
                    line = line[:at] + line[at + draw(st.integers(1, 40)) :]
                case 2:
                    line = line[:at] + bytes([draw(st.integers(0, 255))]) + line[at + 1 :]
                case _:
                    comma = line.find(b",", at)
                    line = line[:comma] + line[at - 1 if at else 0 :] if comma > 0 else line
        lines.append(line)
    return b"\n".join(lines) + draw(st.sampled_from([b"\n", b"", b"\r\n", b"\n\n"]))


@settings(max_examples=400, deadline=None)
@given(data=edited(), begin=st.integers(0, 2))
def test_both_ways_read_the_same(data: bytes, begin: int) -> None:
    assert read(data, True, begin) == read(data, False, begin)


def test_ordinary_lines_are_taken_by_the_scanner() -> None:
    lines = [
        line
        for line in LINES
        if b'"SparkListenerTask' in line[:60] and b'"Internal":false' not in line and b"\\" not in line
    ]
    scanner = scan.Scanner()
    data = b"\n".join(lines) + b"\n"
    count, others = scanner.scan(decode.Lines(data, 0, 1))
    assert (count, len(others)) == (len(lines), 0)
    assert sum(len(taken.offsets) for taken in scanner.take().values()) == len(lines)


def test_ordinary_plans_are_thinned_out() -> None:
    plans = [
        line for line in LINES if b"SQLExecutionStart" in line[:120] and not any(s in line for s in scan.SEARCH_SIGNS)
    ]
    thin = [scan.thin_plan(line) for line in plans]
    assert (
        plans
        and sum(t is not None and len(t[0]) < len(p) / 2 for p, t in zip(plans, thin, strict=True)) > len(plans) / 2
    )


def test_names_of_internal_accumulators_are_not_read() -> None:
    task = (
        b'{"Event":"SparkListenerTaskEnd","Stage ID":1,"Stage Attempt ID":0,"Task Info":{"Task ID":6,"Launch Time":1,'
        b'"Accumulables":[{"ID":90,"Name":3738,"Update":1,"Internal":%s,"Count Failed Values":true}]}}\n'
    )
    internal = read(task % b"true", True)
    assert internal == read(task % b"true", False)
    assert internal[1] == []
    mine = read(task % b"false", True)
    assert mine == read(task % b"false", False)
    (issue,) = mine[1]  # type: ignore[misc, attr-defined]
    assert (issue.code, issue.message) == ("field_unusable", "SparkListenerTaskEnd: an accumulator's name is not text")


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        (b'"ID":1,"Name":"x","Update":"5","Internal":true,"Metadata":"sql"', {1: 5}),
        (b'"ID":1,"Name":"x","Update":"5","Update":"6","Internal":true,"Metadata":"sql"', {1: 6}),
        (b'"ID":1,"Update":"5","Internal":true,"ID":2,"Metadata":"sql"', {2: 5}),
        (b'"ID":1,"ID":2,"Update":"5","Internal":true,"Metadata":"sql"', {2: 5}),
        (b'"ID":1,"Value":{"a":1,"Update":"4"},"Update":"5","Internal":true,"Metadata":"sql"', {1: 5}),
        (b'"ID":1,"Name":"x","Update":"5","Metadata":"sql","Internal":true', {1: 5}),
    ],
)
def test_the_last_of_two_equal_keys_of_an_sql_metric_counts(metric: bytes, values: dict[int, int]) -> None:
    """As Jackson reads them, which Spark's History Server uses."""
    task = (
        b'{"Event":"SparkListenerTaskEnd","Stage ID":1,"Stage Attempt ID":0,"Task Info":{"Task ID":6,"Launch Time":1,'
        b'"Accumulables":[{%s}]}}\n' % metric
    )
    for native in (True, False):
        tables = read(task, native)[0]
        assert isinstance(tables, dict)
        (update,) = tables["task_updates"]
        assert dict(zip(update["metric_ids"], update["values"], strict=True)) == values


@pytest.mark.parametrize(
    "metric",
    [
        b'"ID":1,"Name":"x","Update":"5,","Internal":true,"Metadata":"sql"',
        b'"ID":1,"Name":"x","Update":"5,6","Internal":true,"Metadata":"sql"',
        b'"ID":"1","Name":"x","Update":"5","Internal":true,"Metadata":"sql"',
    ],
)
def test_an_sql_metric_that_is_no_integer_is_counted(metric: bytes) -> None:
    task = (
        b'{"Event":"SparkListenerTaskEnd","Stage ID":1,"Stage Attempt ID":0,"Task Info":{"Task ID":6,"Launch Time":1,'
        b'"Accumulables":[{"ID":7,"Update":"3","Internal":true,"Metadata":"sql"},{%s}]}}\n' % metric
    )
    for native in (True, False):
        tables, issues = read(task, native)[:2]
        assert isinstance(tables, dict) and isinstance(issues, list)
        (update,) = tables["task_updates"]
        assert update["metric_ids"] == [7] and update["values"] == [3]
        assert [issue.code for issue in issues] == ["field_unusable"]


def test_rows_of_both_ways_are_in_the_order_of_the_log() -> None:
    task = (
        b'{"Event":"SparkListenerTaskEnd","Stage ID":1,"Stage Attempt ID":0,"Task Info":{"Task ID":%d,"Launch Time":1,'
        b'%s"Accumulables":[{"ID":1,"Update":"5","Internal":true,"Metadata":"sql"}]}}\n'
    )
    not_ordinary = b'"Host":"\\u0041",'
    tables = read(b"".join(task % (number, not_ordinary if number % 2 else b"") for number in range(6)), True)[0]
    assert isinstance(tables, dict)
    assert [update["task_id"] for update in tables["task_updates"]] == [0, 1, 2, 3, 4, 5]
