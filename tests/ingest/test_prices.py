"""Price files, and the costs of an application: its parts add up to the total."""

from pathlib import Path

import pytest

from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_log
from afterglow.ingest.pipeline import read_view
from afterglow.ingest.prices import find_rate, read_prices
from afterglow.ingest.publish.description import describe
from afterglow.schemas.prices import DRIVER, IDLE, TASKS, TOTAL
from tests.conftest import sample_log

HOUR_MS = 3.6e6


def written(folder: Path, text: str) -> str:
    path = folder / "prices.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("sample", ["cv-pipeline", "tvs-forest", "executor-lost", "skewed-join"])
def test_parts_add_up_to_the_total(tmp_path: Path, sample: str) -> None:
    prices = read_prices(written(tmp_path, "core_hour = 0.05\ngb_hour = 0.006\n"))
    tree = derive(read_view(find_log(str(sample_log(sample)))), prices=prices)
    root, below = tree.application.metrics, tree.children()
    stages = sum(run.metrics.get(TASKS, 0.0) for run in tree.runs if run.level == "stage")
    parts = stages + root[IDLE] + root.get(DRIVER, 0.0)
    assert root[TOTAL] == pytest.approx(parts, rel=1e-3) and root[TOTAL] > 0
    assert root[TASKS] == pytest.approx(stages, rel=1e-4)
    for run in tree.runs:
        if run.level in ("tuning", "trial", "job"):
            children = below.get(run.key, ())
            assert run.metrics.get(TASKS, 0.0) == pytest.approx(
                sum(child.metrics.get(TASKS, 0.0) for child in children), rel=1e-3
            )


def test_description_lists_the_parts(tmp_path: Path) -> None:
    prices = read_prices(written(tmp_path, 'currency = "EUR"\ncore_hour = 100\n'))
    tree = derive(read_view(find_log(str(sample_log("cv-pipeline")))), prices=prices)
    text = describe(tree.application, tree.children(), None, lambda key: f"#{key}")
    table = text.partition("**Cost in EUR**")[2].split("\n\n")[1]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    costs = [float(cell.strip("*").replace(",", "")) for _, cell in cells]
    assert sum(costs[:-1]) == pytest.approx(costs[-1], rel=0.01)
    names = " ".join(name for name, _ in cells)
    assert "trials" in names and "refit and preparation" in names and "idle cores" in names and "**sum**" in names


def test_rates(tmp_path: Path) -> None:
    prices = read_prices(
        written(
            tmp_path,
            """
            core_hour = 1.0
            gb_hour = 0.5
            [[prices]]
            queue = "ml*"
            core_hour = 2.0
            [[prices]]
            cluster = "1127-*"
            instance = "m5.xlarge"
            dbu = 0.5
            [[prices]]
            "airflow.dag" = "sales*"
            "spark.afterglow.team" = "bi"
            core_hour = 3.0
            [instances."m5.xlarge"]
            hour = 0.2
            cores = 4
            dbu = 0.6
            """,
        )
    )

    def hour(properties: dict[str, str], cores: float = 4, local: bool = False) -> tuple[float, float]:
        rate = find_rate(prices, properties, cores, local)
        assert rate is not None
        return round(rate.core_ms * HOUR_MS, 6), round(rate.driver_ms * HOUR_MS, 6)

    assert hour({"spark.executor.memory": "8g"}) == (2.0, 1.5)
    assert hour({"spark.executor.memory": "8g", "spark.master": "yarn"})[0] == round(1 + 0.5 * 8.8 / 4, 6)
    assert hour({"spark.driver.memory": "8192", "spark.master": "local[4]"}, local=True) == (2.0, 0.0)
    assert hour({"spark.yarn.queue": "ml.gpu"}) == (2.0, 2.0)
    databricks = {"spark.databricks.clusterUsageTags.clusterId": "1127-195801-abcd1234"}
    assert hour(databricks) == (0.125, 0.5)
    airflow = {"spark.openlineage.parentJobName": "sales.train"}
    assert hour(airflow) == hour({})
    assert hour({**airflow, "spark.afterglow.team": "bi"})[0] == 3.0


def test_instances_of_the_log(tmp_path: Path) -> None:
    text = "dbu = 1.0\n[instances.big]\nhour = 2\ncores = 8\n[instances.small]\nhour = 0.5\ncores = 2\ndbu = 0.5\n"
    prices = read_prices(written(tmp_path, text))
    tags = "spark.databricks.clusterUsageTags."
    rate = find_rate(prices, {f"{tags}clusterNodeType": "big", f"{tags}driverNodeType": "small"}, 8, False)
    assert rate is not None
    assert (rate.core_ms * HOUR_MS, rate.driver_ms * HOUR_MS) == (pytest.approx(0.25), pytest.approx(1.0))


@pytest.mark.parametrize(
    "text, says",
    [
        ("core_hour = -1", "not negative"),
        ("core_hour = 'a'", "must be a number"),
        ("core_hours = 1", "no price"),
        ("[[prices]]\ninstance = 'x'", "there is no"),
        ("[instances.x]\nhour = 1", "cores is missing"),
        ("[instances.x]\nhours = 1\ncores = 1", "'hours' is not"),
        ("prices = 1", r"\[\[prices\]\]"),
        ("currency = 1", "currency"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_prices(written(tmp_path, text))


def test_without_a_price_there_is_no_cost(tmp_path: Path) -> None:
    prices = read_prices(written(tmp_path, "[[prices]]\nqueue = 'x'\ncore_hour = 1\n"))
    tree = derive(read_view(find_log(str(sample_log("failing-tasks")))), prices=prices)
    assert not any(name.startswith("cost/") for run in tree.runs for name in run.metrics)
