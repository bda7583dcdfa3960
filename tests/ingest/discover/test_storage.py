"""Logs on an S3 server and on a History Server, each a real one on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.fs
import pytest

from afterglow.ingest import InputError, import_logs, read
from afterglow.ingest.filesystems import beside, file_system
from afterglow.ingest.find_logs import find_logs, peek
from afterglow.ingest.pipeline import read_log
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

_DEADLINE_S = 300


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def serving(command: list[str], answers: Callable[[], bool], **options: Any) -> Iterator[None]:
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        deadline = time.monotonic() + _DEADLINE_S
        while not answers():
            assert process.poll() is None and time.monotonic() < deadline, f"{command[0]} did not start"
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def answering(address: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            urllib.request.urlopen(address, timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    return answers


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket `logs`: a rolling log, a single one, and a file that is none."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    for _ in serving(command, answering(address)):
        system = pyarrow.fs.S3FileSystem(
            endpoint_override=f"127.0.0.1:{port}",
            scheme="http",
            access_key="x",
            secret_key="y",
            region="us-east-1",
            allow_bucket_creation=True,
        )
        system.create_dir("logs")
        rolling, single = sample_log("rolled-segments"), sample_log("spark35-wordcount")
        pyarrow.fs.copy_files(str(rolling), f"logs/2026/{rolling.name}", destination_filesystem=system)
        for path, key in ((single, f"logs/2026/{single.name}"), (Path(__file__), "logs/2026/test.py")):
            with system.open_output_stream(key, compression=None) as out:
                out.write(path.read_bytes())
        yield f"endpoint_override=127.0.0.1:{port}&scheme=http"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every S3 client takes from its environment."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)


@pytest.mark.server
def test_logs_on_s3_are_read_as_local_ones(s3: str) -> None:
    logs = find_logs([f"s3://logs/2026?{s3}"])
    assert sorted(log.layout for log in logs) == ["rolling", "single"]
    for log in logs:
        name = "rolled-segments" if log.layout == "rolling" else "spark35-wordcount"
        assert read_log(log).tasks.equals(read(str(sample_log(name))).tasks)


@pytest.mark.server
def test_names_on_s3_are_taken_as_they_stand(s3: str) -> None:
    single, folder = sample_log("spark35-wordcount"), "logs/odd names/100%25 #1"
    system, _ = pyarrow.fs.FileSystem.from_uri(f"s3://logs?{s3}")
    with system.open_output_stream(f"{folder}/{single.name}", compression=None) as out:
        out.write(single.read_bytes())
    for scheme in ("s3", "s3a"):
        (log,) = find_logs([f"{scheme}://logs/odd names/?{s3}"])
        assert log.name == f"{scheme}://{folder}/{single.name}?{s3}"
        assert read_log(log).tasks.equals(read(str(single)).tasks)


@pytest.mark.server
def test_a_password_in_a_logs_address_is_shown_nowhere(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = new_sqlite(tmp_path / "m.db")
    (imported,) = import_logs([f"s3://x:y-secret@logs/2026/{sample_log('spark35-wordcount').name}?{s3}"], store, "one")
    (other,) = import_logs([f"s3://x:y-secret@logs/2026/{sample_log('rolled-segments').name}?{s3}"], store, "one")
    assert imported.log.startswith("s3://x:***@logs/") and other.log.startswith("s3://x:***@logs/")
    with pytest.raises(InputError) as told:
        find_logs([f"s3://x:y-secret@logs/other?{s3}"])
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"y-secret" in content for content in [*kept, str(told.value).encode()])


@pytest.mark.parametrize(
    ("uri", "path", "other"),
    [
        ("abfs://box@me.dfs.core.windows.net/a", "box/a", "abfs://box@me.dfs.core.windows.net/b"),
        ("abfss://me.dfs.core.windows.net/box/a", "/box/a", "abfss://me.dfs.core.windows.net/box/b"),
        ("gs://anonymous@box/a/", "box/a", "gs://anonymous@box/b"),
        ("s3a://k:s@box/a?region=r", "box/a", "s3a://k:s@box/b?region=r"),
    ],
)
def test_what_is_listed_is_named_on_the_same_file_system(uri: str, path: str, other: str) -> None:
    assert file_system(uri)[1] == path
    assert beside(uri, path.removesuffix("a") + "b") == other


@pytest.mark.server
def test_a_glob_and_a_missing_key_on_s3(s3: str) -> None:
    single = sample_log("spark35-wordcount").name
    assert len(find_logs([f"s3://logs/2026/{single[:8]}*?{s3}"])) >= 1
    with pytest.raises(InputError, match="no such file or folder"):
        find_logs([f"s3://logs/other?{s3}"])
    with pytest.raises(InputError, match="no object matches"):
        find_logs([f"s3://logs/2026/*.nothing?{s3}"])


@pytest.fixture(scope="module")
def history_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A History Server of the installed pyspark over two samples, one of them rolling."""
    import pyspark

    folder = tmp_path_factory.mktemp("history")
    for name in ("rolled-segments", "failing-tasks"):
        (folder / sample_log(name).name).symlink_to(sample_log(name))
    port = free_port()
    conf = folder.parent / "history.conf"
    conf.write_text(f"spark.history.fs.logDirectory file://{folder}\nspark.history.ui.port {port}\n")
    home = str(Path(pyspark.__file__).parent)
    command = [
        f"{home}/bin/spark-class",
        "org.apache.spark.deploy.history.HistoryServer",
        "--properties-file",
        str(conf),
    ]
    address = f"http://127.0.0.1:{port}"

    def listed() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/api/v1/applications", timeout=5) as answer:
                return len(json.load(answer)) == 2
        except (OSError, ValueError):  # a server that is still starting answers with a page
            return False

    environment = {**os.environ, "SPARK_HOME": home, "SPARK_LOCAL_IP": "127.0.0.1"}
    for _ in serving(command, listed, env=environment):
        yield address


@pytest.mark.spark
def test_logs_of_a_history_server_are_read_as_local_ones(history_server: str) -> None:
    logs = find_logs([history_server])
    assert len(logs) == 2
    by_id = {log.name.split("/applications/")[1].split("/")[0]: log for log in logs}
    for name in ("rolled-segments", "failing-tasks"):
        local = read(str(sample_log(name)))
        listed, head = peek(by_id[local.application["app_id"]]), peek(local.log)
        assert (listed.identity, listed.user) == (head.identity, head.user)
        there = read_log(by_id[local.application["app_id"]])
        assert there.tasks.equals(local.tasks) and there.application["completeness"] == "complete"


@pytest.mark.spark
def test_one_application_of_a_history_server(history_server: str) -> None:
    app_id = read(str(sample_log("failing-tasks"))).application["app_id"]
    (log,) = find_logs([f"{history_server}/history/{app_id}/jobs/"])
    assert read_log(log).application["app_id"] == app_id
    with pytest.raises(InputError, match="has no application nothing"):
        find_logs([f"{history_server}/history/nothing"])


def test_no_history_server_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="is the History Server running"):
        find_logs([f"http://127.0.0.1:{free_port()}"])
