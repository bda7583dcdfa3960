"""What a store holds of an experiment, read from its tables past MLflow, so that two can be compared."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG, KEY_TAG, LEVEL_TAG

Tree = dict[str, dict[str, Any]]

_OWN = {"afterglow.digest", "afterglow.written_at"}
"""Tags that say how a run was written, not what."""
_RUN_ID = re.compile(r"\b[0-9a-f]{32}\b")
_EXPERIMENT = re.compile(r"#/experiments/\d+/")
_WORKSPACE = re.compile(r"&workspace=[\w-]+")


@dataclass(frozen=True)
class Held:
    """An experiment's active runs by key; how many share a key; how many roots say that they are complete."""

    tree: Tree
    duplicates: int
    complete: int


def held(uri: str, experiment: str, history: bool = True, workspace: str = "default") -> Held:
    """Reads an experiment. Run and experiment ids are told by what they are of; without `history` of every metric only
    the latest value, as after an update."""
    engine = sa.create_engine(uri, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:

        def rows(query: str, **values: Any) -> list[Any]:
            return list(connection.execute(sa.text(query), values).mappings())

        named = rows("SELECT * FROM experiments WHERE name = :name", name=experiment)
        # before MLflow 3.10 there are no workspaces
        (found,) = [row for row in named if row.get("workspace", "default") == workspace]
        number = found["experiment_id"]
        active = "WHERE r.experiment_id = :e AND r.lifecycle_stage = 'active'"
        of = "FROM {} t JOIN runs r ON r.run_uuid = t.run_uuid " + active
        runs = rows("SELECT * FROM runs WHERE experiment_id = :e AND lifecycle_stage = 'active'", e=number)
        tags: dict[str, dict[str, str]] = {run["run_uuid"]: {} for run in runs}

        def of_runs(table: str) -> list[Any]:
            """A table's rows; not those of a run that a server has made since the runs were read."""
            return [row for row in rows("SELECT t.* " + of.format(table), e=number) if row["run_uuid"] in tags]

        for row in of_runs("tags"):
            tags[row["run_uuid"]][row["key"]] = row["value"]
        keys = {run_id: of_run.get(KEY_TAG, "no key") for run_id, of_run in tags.items()}

        def told(text: str) -> str:
            named = _RUN_ID.sub(lambda match: f"<{keys.get(match[0], match[0])}>", text)
            return _WORKSPACE.sub("", _EXPERIMENT.sub("#/experiments/E/", named))

        tree: Tree = {}
        for run in runs:
            run_id = run["run_uuid"]
            info = {name: run[name] for name in run if name not in ("run_uuid", "experiment_id", "artifact_uri")}
            own_tags = {name: told(value) for name, value in tags[run_id].items() if name not in _OWN}
            tree[keys[run_id]] = {"info": info, "tags": own_tags, "params": {}, "metrics": set(), "latest": {}}
            assert run["artifact_uri"].endswith(f"{run_id}/artifacts"), run["artifact_uri"]
        for row in of_runs("params"):
            tree[keys[row["run_uuid"]]]["params"][row["key"]] = row["value"]
        for row in of_runs("latest_metrics"):
            at = (row["timestamp"],) if history else ()
            point = (row["value"], bool(row["is_nan"]), row["step"], *at)
            tree[keys[row["run_uuid"]]]["latest"][row["key"]] = point
        if history:
            for row in of_runs("metrics"):
                point = (row["key"], row["value"], bool(row["is_nan"]), row["step"], row["timestamp"])
                tree[keys[row["run_uuid"]]]["metrics"].add(point)
        inputs = rows(
            "SELECT r.run_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, g.name AS tag, g.value "
            "FROM inputs i JOIN runs r ON r.run_uuid = i.destination_id "
            "JOIN datasets d ON d.dataset_uuid = i.source_id "
            "LEFT JOIN input_tags g ON g.input_uuid = i.input_uuid " + active,
            e=number,
        )
        for row in inputs:
            if row["run_uuid"] not in tags:
                continue
            point = (
                row["name"],
                row["digest"],
                row["dataset_source_type"],
                row["dataset_source"],
                row["tag"],
                row["value"],
            )
            tree[keys[row["run_uuid"]]].setdefault("inputs", []).append(point)
        for run in runs:
            one = tree[keys[run["run_uuid"]]]
            one["inputs"] = sorted(one.get("inputs", []))
            one["artifacts"] = _files(run["artifact_uri"])
    engine.dispose()
    shared = sum(count - 1 for count in Counter(keys.values()).values())
    roots = [of_run for of_run in tags.values() if of_run.get(LEVEL_TAG) == "application"]
    return Held(tree, shared, sum(bool(root.get(FINGERPRINT_TAG)) for root in roots))


def differences(one: Tree, other: Tree, but: tuple[str, ...] = ()) -> list[str]:
    """What is not the same in two trees, a line each; `but` these tags."""
    found = [f"{key}: only in one" for key in sorted(one.keys() ^ other.keys())]
    for key in sorted(one.keys() & other.keys()):
        for part in one[key]:
            a, b = one[key][part], other[key][part]
            if part == "tags":
                a, b = ({name: value for name, value in x.items() if name not in but} for x in (a, b))
            if a != b:
                if isinstance(a, dict):
                    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
                    found += [f"{key}: {part} {name}: {a.get(name)!r} / {b.get(name)!r}" for name in names]
                elif isinstance(a, set):
                    found.append(f"{key}: {part}: {sorted(a - b)[:3]} / {sorted(b - a)[:3]}")
                else:
                    found.append(f"{key}: {part}: {a!r} / {b!r}")
    return found


def _files(uri: str) -> list[str]:
    """The files below a run's artifact root where that is a folder of this machine."""
    if not uri.startswith(("file:", "/")):
        return []
    root = Path(uri.removeprefix("file://").removeprefix("file:"))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not _is_empty(path))


def _is_empty(path: Path) -> bool:
    """Whether a table has no row. An update replaces a table that has become empty; else it has no file."""
    return path.suffix == ".parquet" and pq.read_metadata(path).num_rows == 0
