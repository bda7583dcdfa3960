"""`afterglow submit`: the job is what it would be without it, and its logs are found among others; Spark is played."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest.errors import AfterglowError
from afterglow.ingest.jobs import run_command
from afterglow.ingest.jobs.annotation_overlay import write_overlay
from afterglow.ingest.jobs.spark_settings import read_settings
from afterglow.ingest.jobs.submit import prepare_submission
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

# What spark-submit does, as far as submit can see it: system properties from SPARK_SUBMIT_OPTS, weaker than --conf, are
# in the log's settings; the log is written under its `.inprogress` name.
SPARK_SUBMIT = f"""#!{sys.executable}
import os, re, shlex, sys
from pathlib import Path
from urllib.parse import unquote
said = [word[2:].split("=", 1) for word in shlex.split(os.environ.get("SPARK_SUBMIT_OPTS", "")) if word[:2] == "-D"]
conf = dict(said)
words = sys.argv[1:]
while words and words[0] == "--conf":
    key, _, value = words[1].partition("=")
    conf[key] = value
    words = words[2:]
for number, sample in enumerate(words):
    if conf.get("spark.eventLog.enabled") != "true":
        continue
    folder = Path(unquote(conf.get("spark.eventLog.dir", "/tmp/spark-events").removeprefix("file://")))
    text = Path(sample).read_text()
    id = conf["spark.afterglow.submit.id"]
    text = text.replace('"Spark Properties":{{', '"Spark Properties":{{"spark.afterglow.submit.id":"' + id + '",', 1)
    name = re.sub("[^a-z0-9]", "", Path(sample).name) + str(number)
    growing = folder / (name + ".inprogress")
    with growing.open("w") as log:
        log.write(text)
        log.flush()
        import time
        time.sleep(float(os.environ.get("PLAYED_S", "0")))
    if not sample.endswith(".inprogress"):
        growing.rename(folder / name)
print("the job's own line")
sys.stderr.write("and its error\\n")
sys.exit(int(os.environ.get("PLAYED_EXIT", "0")))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a played `spark-submit` on the PATH and a user's data directory below it."""
    program = tmp_path / "bin" / "spark-submit"
    program.parent.mkdir()
    program.write_text(SPARK_SUBMIT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("SPARK_SUBMIT_OPTS", "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def afterglow(*words: str) -> list[str]:
    return [sys.executable, "-m", "afterglow.ingest.cli", *words]


def submit(place: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = afterglow(
        "submit", "--tracking-uri", new_sqlite(place / "mlflow.db"), "--experiment", "submitted", *words
    )
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **(env or {})})


def applications(place: Path) -> dict[str, str]:
    found = MlflowClient(new_sqlite(place / "mlflow.db")).get_experiment_by_name("submitted")
    if found is None:
        return {}
    client = MlflowClient(new_sqlite(place / "mlflow.db"))
    runs = client.search_runs([found.experiment_id], "tags.`afterglow.level` = 'application'")
    return {run.info.run_name: run.info.status for run in runs}


PLAIN, SKEWED, KILLED = (str(sample_log(name)) for name in ("failing-tasks", "skewed-join", "killed-driver"))


def test_the_job_s_log_is_kept_and_imported_and_its_output_and_code_are_its_own(place: Path) -> None:
    ran = submit(place, "--", "spark-submit", PLAIN, env={"PLAYED_EXIT": "3"})
    assert (ran.returncode, ran.stdout) == (3, "the job's own line\n")
    assert ran.stderr.count("and its error\n") == 1 and "28 of 28 runs written" in ran.stderr
    assert applications(place) == {"Spark shell": "FINISHED"}
    (kept,) = (place / "data" / "afterglow" / "event-logs").iterdir()
    assert kept.stat().st_size > 1000


def test_every_application_of_the_job_and_no_other_of_the_folder(place: Path) -> None:
    logs = place / "shared logs"
    logs.mkdir()
    (logs / "other").write_bytes(Path(SKEWED).read_bytes())
    told = submit(place, "--log-dir", str(logs), "--json", "--", "spark-submit", PLAIN, KILLED)
    assert told.returncode == 0 and told.stdout == "the job's own line\n"
    rows = [json.loads(line) for line in told.stderr.splitlines() if line.startswith("{")]
    assert sorted(row["completeness"] for row in rows) == ["complete", "no_application_end"]
    assert "its driver was killed" in told.stderr  # nothing of the job is alive, so nothing is waited for
    assert applications(place) == {"Spark shell": "FINISHED", "killed-driver": "KILLED"}


def test_what_the_job_says_itself_wins_and_its_log_is_found_all_the_same(place: Path) -> None:
    own = place / "own"
    own.mkdir()
    job = place / "launcher"  # a job whose settings nobody can see from outside
    job.write_text(
        f"#!/bin/sh\nspark-submit --conf spark.eventLog.enabled=true --conf spark.eventLog.dir={own} {PLAIN}\n"
    )
    job.chmod(0o755)
    ran = submit(place, "--", str(job), env={"PLAYED_S": "2"})
    assert ran.returncode == 0 and len(list(own.iterdir())) == 1 and not (place / "data").exists()
    assert applications(place) == {"Spark shell": "FINISHED"}


@pytest.mark.slow
def test_event_logging_that_is_switched_off_stays_off(place: Path) -> None:
    words = ("--", "spark-submit", "--conf", "spark.eventLog.enabled=false", PLAIN)
    ran = submit(place, *words)
    assert (ran.returncode, ran.stdout) == (0, "the job's own line\n")
    assert "turn event logging off" in ran.stderr and "found no event log of this job" in ran.stderr
    assert submit(place, "--strict", *words).returncode == 3


def test_no_folder_of_this_machine_is_offered_to_a_driver_elsewhere(place: Path) -> None:
    with prepare_submission(["spark-submit", "--deploy-mode", "cluster", "job.py"], annotate=True) as job:
        assert "eventLog" not in job.environment["SPARK_SUBMIT_OPTS"] and job.id in job.environment["SPARK_SUBMIT_OPTS"]
        assert "--log-dir URI" in job.notes[0] and "--annotate has no effect in cluster mode" in job.notes[1]
    with prepare_submission(["spark-submit", "--deploy-mode=cluster", "job.py"], "s3://bucket/logs") as job:
        assert "-Dspark.eventLog.dir=s3://bucket/logs" in job.environment["SPARK_SUBMIT_OPTS"]
    with prepare_submission(["./wrapper.sh"]) as job:
        assert "eventLog" not in job.environment["SPARK_SUBMIT_OPTS"]


@pytest.mark.slow
def test_a_failure_of_the_import_is_the_job_s_only_where_strict_says_so(place: Path) -> None:
    environment = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "AFTERGLOW_RETRY_S": "0"}
    words = ("--tracking-uri", "http://127.0.0.1:9", "--", "spark-submit", PLAIN)
    ran = submit(place, *words, env=environment)
    assert ran.returncode == 0 and "error:" in ran.stderr
    assert submit(place, "--strict", *words, env=environment).returncode == 5
    assert submit(place, "--strict", *words, env={**environment, "PLAYED_EXIT": "4"}).returncode == 4


@pytest.mark.parametrize(
    ("command", "said"),
    [(["nosuch"], "nosuch: no such program"), (["/etc/hosts"], "cannot be executed"), ([], "Missing argument")],
)
def test_a_command_that_cannot_be_run_is_a_usage_error(place: Path, command: list[str], said: str) -> None:
    ran = submit(place, "--", *command)
    assert ran.returncode == 2 and said in ran.stderr and ran.stdout == ""


def run(program: str, *, given: str = "", fds: Sequence[int] = ()) -> subprocess.CompletedProcess[str]:
    command = afterglow("submit", "--quiet", "--wait", "0", "--", sys.executable, "-c", program)
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, pass_fds=fds)


def test_input_and_open_files_are_the_job_s(place: Path) -> None:
    end, other = os.pipe()
    program = f"import os, sys; print(sys.stdin.read().upper()); os.write({other}, b'through')"
    assert run(program, given="given", fds=[other]).stdout == "GIVEN\n"
    assert os.read(end, 100) == b"through"
    os.close(end)
    os.close(other)


def test_a_job_ended_by_a_signal_has_the_code_a_shell_gives_it(place: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV):
        assert run(f"import os; os.kill(os.getpid(), {int(number)})").returncode == 128 + number


REPORTS_SIGNALS = """
import signal, sys, time
received = []
def note(number, _):
    received.append(signal.Signals(number).name)
    print(received[-1], flush=True)
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"):
    if signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
        signal.signal(getattr(signal, name), note)
print("ready", flush=True)
until = time.monotonic() + 60
while "SIGUSR1" not in received and time.monotonic() < until:
    signal.sigtimedwait([], 0.05)
sys.exit(9)
"""


@pytest.mark.parametrize("nohup", [False, True])
@pytest.mark.parametrize("way", ["waited", "handled"])
def test_signals_are_passed_on_once_and_what_is_ignored_stays_so(way: str, nohup: bool, place: Path) -> None:
    # What the tests themselves were started with does not matter: a background job of a shell ignores SIGINT.
    program = (
        f"import os, signal, sys\nfrom afterglow.ingest.jobs import run_command\n"
        f"signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"signal.signal(signal.SIGHUP, signal.{'SIG_IGN' if nohup else 'SIG_DFL'})\n"
        f"if {way == 'handled'}:\n    del signal.sigtimedwait\n"
        f"sys.exit(run_command.run_command([sys.executable, '-c', {REPORTS_SIGNALS!r}], os.environ, lambda: None))"
    )
    ours = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert ours.stdout is not None and ours.stdout.readline() == "ready\n"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        ours.send_signal(number)
        if number != signal.SIGHUP or not nohup:  # the next one is sent when this one has arrived
            assert ours.stdout.readline() == f"{number.name}\n"
    assert ours.wait(60) == 9 and ours.stdout.read() == ""
    ours.stdout.close()


def test_a_program_that_cannot_run_leaves_the_signals_as_they_were() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pytest.raises(AfterglowError, match="no such program"):
        run_command.run_command(["/nowhere/spark-submit"], os.environ, lambda: None)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


@pytest.mark.parametrize(
    ("command", "environment", "kind", "wanted"),
    [
        ("spark-submit --master yarn --deploy-mode cluster a.py", {}, "submit", {"spark.submit.deployMode": "cluster"}),
        ("spark-submit -c spark.submit.deployMode=cluster a.py", {}, "submit", {"spark.submit.deployMode": "cluster"}),
        ("spark-submit -v --conf=spark.eventLog.dir=hdfs:///a x.py", {}, "submit", {"spark.eventLog.dir": "hdfs:///a"}),
        ("/opt/spark/bin/spark3-submit a.py --conf spark.eventLog.dir=b", {}, "submit", {}),  # the program's own words
        ("env A=b spark-submit --properties-file p.conf a.py", {}, "submit",
         {"spark.eventLog.dir": "/p", "spark.a": "b"}),
        ("python train.py --conf spark.a=b", {"PYSPARK_SUBMIT_ARGS": "--conf spark.c=d pyspark-shell"}, "python",
         {"spark.c": "d"}),
        ("python3.12 train.py", {"SPARK_CONF_DIR": "conf"}, "python", {"spark.eventLog.enabled": "true"}),
        ("python a.py", {"SPARK_CONF_DIR": "conf", "SPARK_SUBMIT_OPTS": "-Dspark.x=y -Dspark.eventLog.enabled=no"},
         "python", {"spark.x": "y", "spark.eventLog.enabled": "true"}),
        ("./run.sh --deploy-mode cluster a.py", {}, "other", {"spark.submit.deployMode": "cluster"}),
        ("spark-submit --conf", {"PYSPARK_SUBMIT_ARGS": "'open"}, "submit", {}),
    ],
)  # fmt: skip
def test_what_is_seen_of_a_job_s_settings(
    tmp_path: Path, command: str, environment: dict[str, str], kind: str, wanted: dict[str, str]
) -> None:
    (tmp_path / "p.conf").write_text("# spark.no no\nspark.eventLog.dir=/p\nspark.a:  b \n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text("spark.eventLog.enabled   true\n")
    found = read_settings(command.split(), environment)
    assert (found.kind, dict(found.settings), found.cluster) == (kind, wanted, "cluster" in wanted.values())


def started(place: Path, program: str, *words: str, **environment: str) -> str:
    """What a Python prints that starts with --annotate's folder on its path."""
    overlay = place / "overlay"
    if not overlay.exists():
        overlay.mkdir()
        given = write_overlay(overlay, {"PYTHONPATH": str(place / "users")})
        (place / "given").write_text(given["PYTHONPATH"])
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    path = {"PYTHONPATH": (place / "given").read_text(), **environment}
    command = [sys.executable, *(words or ["-c", program])]
    return subprocess.check_output(command, text=True, env={**clean, **path}, stderr=subprocess.STDOUT)


def test_annotation_from_outside_hides_nothing_and_touches_no_worker(place: Path) -> None:
    users = place / "users"
    users.mkdir()
    (users / "sitecustomize.py").write_text("import sys\nsys.own = 'mine'\n")
    finders = "[type(one).__name__ for one in sys.meta_path]"
    look = f"import sys; print(sys.own, {finders}.count('MlImportHook'), 'typing' in sys.modules)"
    assert started(place, look) == "mine 1 False\n"
    assert started(place, "import sys; print([p for p in sys.path if 'overlay' in p])") == "[]\n"
    (users / "pyspark").mkdir()
    (users / "pyspark" / "__init__.py").write_text("")
    (users / "pyspark" / "daemon.py").write_text(look)
    assert started(place, "", "-m", "pyspark.daemon", "pyspark.worker") == "mine 0 False\n"


def test_annotation_is_switched_on_behind_the_import_of_pyspark_ml(place: Path) -> None:
    ml = place / "users" / "pyspark" / "ml"
    ml.mkdir(parents=True)
    (ml.parent / "__init__.py").write_text("")
    (ml / "__init__.py").write_text("import sys\nassert 'afterglow' not in sys.modules\n")
    # what the job's own Python has comes first: here an annotate that says so
    own = place / "users" / "afterglow" / "annotate"
    own.mkdir(parents=True)
    (own.parent / "__init__.py").write_text("")
    (own / "__init__.py").write_text("def autolog():\n    print('switched on')\n")
    assert started(place, "import pyspark.ml, pyspark.ml; print('after')") == "switched on\nafter\n"
    (own / "__init__.py").write_text("raise RuntimeError('broken')\n")
    assert started(place, "import pyspark.ml; print('after')").splitlines() == [
        "afterglow: the job is not annotated: RuntimeError: broken",
        "after",
    ]
    (ml / "__init__.py").write_text("raise ImportError('no numpy')\n")
    program = "try:\n    import pyspark.ml\nexcept ImportError as error:\n    print(error)"
    assert started(place, program) == "no numpy\n"
