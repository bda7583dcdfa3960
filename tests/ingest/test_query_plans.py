"""Plans as graphs: which stages ran a node, and what is below it."""

from afterglow.ingest.query_plans import QueryPlan, below, query_plans
from tests.ingest.diagnose.builders import Made


def only_plan(work: Made) -> QueryPlan:
    (plan,) = query_plans(work.tables())
    return plan


def test_a_node_without_metrics_ran_where_its_codegen_or_its_input_did() -> None:
    work = Made()
    cluster = work.node("WholeStageCodegen (1)", stage_ids=[3])
    top = work.node("Project", codegen_id=cluster)
    coalesce = work.node("Coalesce", top)
    exchange = work.node("Exchange", coalesce, stage_ids=[2, 3])
    work.node("Range", exchange, stage_ids=[2])
    plan = only_plan(work)
    places = [plan.stages_of(node) for node in plan]
    assert places == [(3,), (3,), (), (2, 3), (2,)]
    work = Made()
    top = work.node("Coalesce")
    work.node("Project", work.node("Filter", top, stage_ids=[5]))
    plan = only_plan(work)
    assert plan.stages_of(plan.nodes[top]) == (5,)


def test_below_a_node_are_its_inputs_once_and_other_stages_where_wanted() -> None:
    work = Made()
    join = work.node("SortMergeJoin")
    exchange = work.node("Exchange", join, parent_ids=[join, join])
    work.node("Range", exchange)
    plan = only_plan(work)
    assert [node.name for node in below(plan.nodes[join])] == ["Exchange", "Range"]
    assert [node.name for node in below(plan.nodes[join], through_exchanges=False)] == []


def test_plans_of_any_depth_are_read() -> None:
    work = Made()
    parent = None
    for _ in range(5_000):
        parent = work.node("Project", parent)
    work.node("Range", parent, stage_ids=[7])
    plan = only_plan(work)
    assert plan.stages_of(plan.nodes[0]) == (7,)


def test_executions_do_not_mix_and_only_used_metrics_are_kept() -> None:
    work = Made()
    for execution in (4, 2):
        top = work.node("Sort", execution=execution, metrics={"sort time": execution, "duration": 1})
        work.node("Range", top, execution=execution)
    plans = query_plans(work.tables())
    assert [(plan.execution_id, plan.nodes[0].metrics) for plan in plans] == [
        (2, {"sort time": 2}),
        (4, {"sort time": 4}),
    ]
    assert all([child.execution_id for child in plan.nodes[0].children] == [plan.execution_id] for plan in plans)
