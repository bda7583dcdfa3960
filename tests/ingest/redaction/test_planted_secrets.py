"""Secrets in every text field that the reader knows, in every form: none of them is in anything that is written."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from tests.ingest.publish.stores import new_sqlite
from tests.ingest.redaction import planted


def test_every_field_is_planted(tmp_path: Path) -> None:
    secrets = planted.write_log(tmp_path / "log")  # which asserts it
    forms = Counter(form for _, form in secrets.values())
    assert set(forms) == {name for name, _ in planted.FORMS} | {"by its key"}


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    """The search itself: in a name, in Parquet, in a database, packed as the report packs, compressed."""
    import base64
    import gzip
    import sqlite3
    import zlib

    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"SEC{n:05d}zQ7" for n in range(6)]
    (tmp_path / f"{names[0]}.txt").write_text("")
    pq.write_table(pa.table({"a": [names[1]]}), tmp_path / "a.parquet", compression="zstd")
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("INSERT INTO t VALUES (?)", (names[2],))
    packed = base64.b64encode(zlib.compress(b"x" * 90 + names[3].encode())).decode()
    (tmp_path / "r.html").write_text(f"<script>'{packed}'</script>")
    (tmp_path / "t.gz").write_bytes(gzip.compress(names[4].encode()))
    assert set(planted.find(names, tmp_path)) == set(names[:5])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, tuple[str, str]], Path]:
    """Every command that writes, on the planted log; what they print is written too."""
    folder, out = tmp_path_factory.mktemp("logs"), tmp_path_factory.mktemp("out")
    secrets = planted.write_log(folder / "planted")
    (folder / "broken").write_text((folder / "planted").read_text().splitlines()[5][:-9])
    database = new_sqlite(out / "mlflow.db")
    log = str(folder / "planted")
    commands = [
        ["show", log, "--depth", "task", "--max-children", "1000", "--html", str(out / "show.html")],
        ["show", log, "--json"],
        ["export", log, "--out", str(out / "export"), "--json"],
        ["import", log, "--tracking-uri", database, "--report", "all", "--trace", "--dataset", str(out / "dataset")],
        ["import", log, "--tracking-uri", database, "--json"],
        ["backfill", str(folder), "--tracking-uri", database, "--ledger", str(out / "ledger.db")],
        ["backfill", str(folder), "--tracking-uri", database, "--ledger", str(out / "other.db"), "--json"],
        ["status", log, "--tracking-uri", database],
        ["status", "--tracking-uri", database, "--json"],
        ["compare", log, log, "--html", str(out / "compare.html")],
        ["compare", log, log, "--json"],
        ["show", str(folder / "broken")],
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out)  # where a SQLite store has its artifacts
        for number, command in enumerate(commands):
            result = CliRunner().invoke(app, command)
            assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.exc_info)
            assert result.exit_code != 2, (command, result.output)
            (out / f"console-{number}.txt").write_text(result.output)
    return secrets, out


def test_no_secret_is_written(written: tuple[dict[str, tuple[str, str]], Path]) -> None:
    secrets, out = written
    found = planted.find(secrets, out)
    leaks = [(*secrets[secret], sorted(places)[:3]) for secret, places in found.items()]
    assert not leaks, f"{len(leaks)} of {len(secrets)} secrets: {leaks[:20]}"


def test_what_is_beside_the_secrets_is_written(written: tuple[dict[str, tuple[str, str]], Path]) -> None:
    _, out = written
    places = {
        path.suffix for path in out.rglob("*") if path.is_file() and "(redacted)" in " ".join(planted.texts_of(path))
    }
    assert places >= {".parquet", ".db", ".txt", ".html", ".csv", ".json"}
