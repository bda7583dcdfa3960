"""Hyperparameter searches: tuning, trials and fits."""

from ..columns import Column, Table

_SAID = "derived: from schemas.annotations, what the job itself said"
_TREE = "derived: by ingest.assemble.tuning"

TUNINGS = Table(
    "tunings",
    grain="one call of fit of a CrossValidator or TrainValidationSplit",
    key=("tuning_uid",),
    columns=(
        Column(
            "tuning_uid",
            "string",
            "Its uid, with .2, .3 where one object was fitted again; where the log has no uid, the class and a number.",
            _TREE,
        ),
        Column("kind", "string", "CrossValidator or TrainValidationSplit.", _TREE),
        Column("source", "string", "What it was found by: annotated, plan (its random column), stack, lineage.", _TREE),
        Column("confidence", "double", "How sure the jobs' places are, from 0 to 1; see docs/tuning.md.", _TREE),
        Column("num_folds", "int32", "Folds; 1 for a TrainValidationSplit.", _TREE),
        Column("num_trials", "int32", "Trials that began.", _TREE),
        Column("num_fits", "int32", "Fits that began.", _TREE),
        Column("parallelism", "int32", "Most fits that ran at the same time, as observed.", _TREE),
        Column("status", "string", "FINISHED (it came to its refit), FAILED, or RUNNING.", _TREE),
        Column("start_time_ms", "int64", "Start of its first job, UTC epoch.", _TREE),
        Column("end_time_ms", "int64", "End of its last job, UTC epoch; null while it runs.", _TREE),
        Column("estimator_class", "string", "Estimator; of a pipeline the last one that ran jobs.", _TREE),
        Column("estimator_uid", "string", "Its uid, where the log has it.", _TREE),
        Column("evaluator_class", "string", "Evaluator.", _TREE),
        Column("metric_name", "string", "What the evaluator computed, where the stack says so.", _TREE),
        Column("best_trial", "int32", "Trial of the best model; null unless annotated.", _SAID),
        Column("larger_better", "bool", "Whether a larger metric is better; null unless annotated.", _SAID),
        Column("seed", "int64", "Seed of the split; null unless annotated.", _SAID),
        Column("fold_col", "string", "Column that says the fold; null unless annotated.", _SAID),
        Column("annotated_run", "string", "Id of the annotate.run around it.", _SAID),
        Column("parent_uid", "string", "The search that this one is part of; null where it is none's.", _TREE),
        Column("parent_trial", "int32", "The trial of that search.", _TREE),
        Column("parent_fold", "int32", "The fold of that search.", _TREE),
    ),
)

TRIALS = Table(
    "trials",
    grain="one param map of one search",
    key=("tuning_uid", "trial"),
    columns=(
        Column("tuning_uid", "string", "Search.", _TREE),
        Column(
            "trial",
            "int32",
            "Trial, from 0, in the order in which trials began; where annotated, the param map's index.",
            _TREE,
        ),
        Column("params_json", "string", "Param map; null where the log does not have it.", _TREE),
        Column(
            "avg_metric",
            "double",
            "Evaluation metric, averaged over folds; null where the log does not have it.",
            _TREE,
        ),
        Column("std_metric", "double", "Its standard deviation over folds.", _TREE),
        Column("num_folds", "int32", "Fits of it that began.", _TREE),
        Column("status", "string", "FINISHED, FAILED (one of its fits failed) or RUNNING.", _TREE),
        Column("start_time_ms", "int64", "Start of its first fit, UTC epoch.", _TREE),
        Column("end_time_ms", "int64", "End of its last fit, UTC epoch.", _TREE),
    ),
)

FITS = Table(
    "fits",
    grain="one param map trained and evaluated on one fold",
    key=("tuning_uid", "trial", "fold"),
    columns=(
        Column("tuning_uid", "string", "Search.", _TREE),
        Column("trial", "int32", "Trial.", _TREE),
        Column("fold", "int32", "Fold, from 0.", _TREE),
        Column("metric", "double", "Evaluation metric; null where the log does not have it.", _TREE),
        Column(
            "confidence",
            "double",
            "How sure it is that its jobs are one fit's, from 0 to 1; see docs/tuning.md.",
            _TREE,
        ),
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _TREE),
        Column("num_jobs", "int64", "Jobs, those of searches within it too.", _TREE),
        Column("start_time_ms", "int64", "Start of its first job, UTC epoch.", _TREE),
        Column("end_time_ms", "int64", "End of its last job, UTC epoch.", _TREE),
        Column("fit_start_time_ms", "int64", "Start of its first job that trains, UTC epoch.", _TREE),
        Column("fit_end_time_ms", "int64", "End of its last job that trains, UTC epoch.", _TREE),
        Column("evaluate_start_time_ms", "int64", "Start of its first job that evaluates, UTC epoch.", _TREE),
        Column("evaluate_end_time_ms", "int64", "End of its last job that evaluates, UTC epoch.", _TREE),
    ),
)
