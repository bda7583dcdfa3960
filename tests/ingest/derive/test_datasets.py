"""The training data of a fit is the dataset of its run."""

from collections import Counter

import pytest

from afterglow.ingest.derive import derive
from afterglow.ingest.extract.nested import _scan
from afterglow.ingest.find_logs import find_log
from afterglow.ingest.pipeline import read_view
from afterglow.ingest.publish.records import datasets
from afterglow.schemas.runs.tree import Source
from tests.conftest import sample_log


@pytest.mark.parametrize(
    ("sample", "fits", "source"),
    [
        # the fits of all folds, and the refit; cached by a count before the search, whose jobs are on RDDs
        ("annotated-search", 8 + 1, Source("LibSVM", "file:/tmp/afterglow-samples/data/houses.libsvm")),
        # read anew by each fit
        ("cv-pipeline", 6 + 1, Source("CSV", "file:/tmp/afterglow-samples/data/visits.csv")),
    ],
)
def test_fits_and_searches_have_what_they_were_trained_on(sample: str, fits: int, source: Source) -> None:
    tree = derive(read_view(find_log(str(sample_log(sample)))))
    levels = {run.key: run.level for run in tree.runs}
    assert Counter(levels[key] for key in tree.datasets) == {"application": 1, "tuning": 1, "fit": fits}
    assert all(sources == (source,) for sources in tree.datasets.values())


def test_an_application_that_trains_nothing_has_its_own() -> None:
    tree = derive(read_view(find_log(str(sample_log("skewed-join")))))
    assert {key: [source.format for source in found] for key, found in tree.datasets.items()} == {
        tree.application.key: ["Parquet", "CSV"]
    }


class Node:
    def __init__(self, name: str, location: str | None = None, form: str = "") -> None:
        self.node_name = self.simple_string = name
        self.metadata = {"Location": location, "Format": form} if location else {}


FILES = "InMemoryFileIndex(1 paths)[file:/a]"
TABLE = "CatalogFileIndex(1 paths)[s3://b/o]"
DELTA = "PreparedDeltaFileIndex(1 paths)[s3://b/d]"


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Node("Scan csv ", FILES, "CSV"), ("CSV", "file:/a", None)),
        (Node("Scan parquet shop.orders", TABLE, "Parquet"), ("Parquet", "s3://b/o", "shop.orders")),
        (Node("Scan parquet", DELTA, "Parquet"), ("Delta", "s3://b/d", None)),
        (Node("Scan JDBCRelation(orders) [numPartitions=1]"), ("JDBC", "orders", None)),
        (Node("Scan hive shop.orders [id#1]"), ("hive", "shop.orders", "shop.orders")),
    ],
)
def test_a_plan_names_the_kind_of_source(node: Node, expected: tuple[str, str, str | None]) -> None:
    assert list(_scan(node)) == [expected]
    (dataset,) = datasets([Source(*expected)])
    assert (dataset.name, dataset.source_type) == (
        expected[2] or expected[1].rpartition("/")[2],
        f"spark_{expected[0].lower()}",
    )
