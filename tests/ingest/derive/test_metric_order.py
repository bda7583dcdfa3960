"""Metrics of a run: what people look for first, nothing that did not occur, no digit that nobody measured."""

from afterglow.ingest.derive.metric_order import arrange


def test_what_did_not_occur_is_left_out_and_what_is_unknown_to_us_stays() -> None:
    shown = arrange(
        {"spill/disk_bytes": 0.0, "tasks/failed": 0.0, "tasks/total": 0.0, "auc": 0.0, "user/rows": 0.0, "io/x": 0.0}
    )
    assert set(shown) == {"tasks/total", "auc", "user/rows", "io/x"}


def test_quantiles_are_kept_together() -> None:
    group = {f"task_input_bytes/{name}": 0.0 for name in ("min", "p25", "p50", "p75", "p95", "max")}
    assert arrange(group) == {}
    assert set(arrange({**group, "task_input_bytes/max": 7.0})) == set(group)


def test_evaluation_metrics_come_first_then_duration_cost_idle_and_spill() -> None:
    wanted = ["avg_rmse", "time/duration_s", "time/fit_s", "executors/idle_ratio", "spill/disk_bytes", "time/gc_s"]
    assert list(arrange(dict.fromkeys(reversed(wanted), 1.0))) == wanted


def test_batches_of_a_streaming_query_come_before_its_tasks() -> None:
    wanted = ["time/duration_s", "batches/total", "batches/duration_max_s", "executors/idle_ratio", "tasks/total"]
    assert list(arrange(dict.fromkeys(reversed(wanted), 1.0))) == wanted


def test_figures_have_the_digits_that_were_measured() -> None:
    shown = arrange(
        {
            "time/gc_s": 0.19999999999999996,
            "time/executor_cpu_s": 0.123456789,
            "executors/idle_ratio": 1 / 3,
            "task_input_bytes/max": 2.5,
            "avg_rmse": 0.123456789,
        }
    )
    assert shown == {
        "avg_rmse": 0.123456789,
        "executors/idle_ratio": 0.3333,
        "task_input_bytes/max": 2.0,
        "time/gc_s": 0.2,
        "time/executor_cpu_s": 0.123457,
    }
