"""How the application trained models: searches, their trials, and fits."""

from ..columns import Column, Table

_ANNOTATED = "derived: from schemas.annotations, written by the job"
_TRAINING = "derived: by ingest.training"

TUNINGS = Table(
    "tunings",
    grain="one hyperparameter search",
    key=("tuning_uid",),
    columns=(
        Column(
            "tuning_uid",
            "string",
            "Its uid, with .2, .3 where one object was fitted again; where the log has no uid, the kind and a number.",
            _TRAINING,
        ),
        Column(
            "kind",
            "string",
            "CrossValidator, TrainValidationSplit, or the search class of another framework.",
            _TRAINING,
        ),
        Column("framework", "string", "Framework that ran it: mllib, hyperopt, joblib, ...", _TRAINING),
        Column(
            "source",
            "string",
            "annotated (the job wrote it), exact (the log holds it) or inferred (from the shape of the jobs).",
            _TRAINING,
        ),
        Column("found_by", "string", "Evidence it was found by: annotation, plan, stack, lineage, ...", _TRAINING),
        Column(
            "confidence",
            "double",
            "Probability from 0 to 1 that its jobs are in the right fits; see docs/training.md.",
            _TRAINING,
        ),
        Column("num_folds", "int32", "Folds; 1 for a TrainValidationSplit.", _TRAINING),
        Column("num_trials", "int32", "Trials that began.", _TRAINING),
        Column("num_fits", "int32", "Fits that began.", _TRAINING),
        Column(
            "parallelism",
            "int32",
            "Most fits that ran at the same time; as configured where the log has it.",
            _TRAINING,
        ),
        Column("status", "string", "FINISHED, FAILED, or RUNNING.", _TRAINING),
        Column("start_time_ms", "int64", "Start of its first job, UTC epoch.", _TRAINING),
        Column("end_time_ms", "int64", "End of its last job, UTC epoch; null while it runs.", _TRAINING),
        Column("estimator_class", "string", "Estimator; of a pipeline the last one that ran jobs.", _TRAINING),
        Column("estimator_uid", "string", "Its uid, where the log has it.", _TRAINING),
        Column("evaluator_class", "string", "Evaluator.", _TRAINING),
        Column("metric_name", "string", "Metric of the evaluator, where the log has it.", _TRAINING),
        Column("best_trial", "int32", "Trial of the best model; null where the log does not have it.", _TRAINING),
        Column("larger_better", "bool", "Whether a larger metric is better; null unless annotated.", _ANNOTATED),
        Column("seed", "int64", "Seed of the split; null unless annotated.", _ANNOTATED),
        Column("fold_col", "string", "Column that holds the fold; null unless annotated.", _ANNOTATED),
        Column("annotated_run", "string", "Id of the annotate.run around it.", _ANNOTATED),
        Column("parent_uid", "string", "Search that it runs in; null where it runs in none.", _TRAINING),
        Column("parent_trial", "int32", "Trial of that search.", _TRAINING),
        Column("parent_fold", "int32", "Fold of that search.", _TRAINING),
    ),
)

TRIALS = Table(
    "trials",
    grain="one trial of one search: one param map",
    key=("tuning_uid", "trial"),
    columns=(
        Column("tuning_uid", "string", "Search.", _TRAINING),
        Column(
            "trial",
            "int32",
            "Trial, from 0, in the order in which trials began; the index of the param map where the log has it.",
            _TRAINING,
        ),
        Column("params_json", "string", "Param map; null where the log does not have it.", _TRAINING, text="json"),
        Column(
            "avg_metric",
            "double",
            "Evaluation metric, averaged over folds; null where the log does not have it.",
            _TRAINING,
        ),
        Column("std_metric", "double", "Its standard deviation over folds.", _TRAINING),
        Column("num_folds", "int32", "Fits of it that began.", _TRAINING),
        Column("status", "string", "FINISHED, FAILED (one of its fits failed) or RUNNING.", _TRAINING),
        Column("start_time_ms", "int64", "Start of its first fit, UTC epoch.", _TRAINING),
        Column("end_time_ms", "int64", "End of its last fit, UTC epoch.", _TRAINING),
    ),
)

FITS = Table(
    "fits",
    grain="one call of an estimator's fit with the evaluation of its model; in a search one trial on one fold",
    key=("tuning_uid", "trial", "fold", "fit_uid"),
    columns=(
        Column("tuning_uid", "string", "Search; null outside searches.", _TRAINING),
        Column("trial", "int32", "Trial; null outside searches and where it is unknown.", _TRAINING),
        Column("fold", "int32", "Fold, from 0; null where trial is.", _TRAINING),
        Column(
            "fit_uid",
            "string",
            "Its name outside searches and where the trial is unknown: the estimator's uid or class, with .2, .3 for "
            "later calls. Null for the fits of a trial on a fold.",
            _TRAINING,
        ),
        Column("parent_fit_uid", "string", "The fit that called it, such as a OneVsRest's.", _TRAINING),
        Column("name", "string", "Name of its run, where that is not the estimator's class.", _TRAINING),
        Column("framework", "string", "Framework that ran it: mllib, xgboost, ...", _TRAINING),
        Column("source", "string", "annotated, exact or inferred, as in tunings.", _TRAINING),
        Column(
            "confidence",
            "double",
            "Probability from 0 to 1 that its jobs are one fit's; see docs/training.md.",
            _TRAINING,
        ),
        Column("estimator_class", "string", "Estimator; null in searches, where tunings has it.", _TRAINING),
        Column("estimator_uid", "string", "Its uid, where the log has it.", _TRAINING),
        Column(
            "params_json", "string", "Its params, where the log has them and no trial does.", _TRAINING, text="json"
        ),
        Column("metric", "double", "Evaluation metric; null where the log does not have it.", _TRAINING),
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _TRAINING),
        Column("num_jobs", "int64", "Jobs, those of searches within it too.", _TRAINING),
        Column("stage_id", "int32", "Stage of the task that is this fit; null where jobs are.", _TRAINING),
        Column("stage_attempt", "int32", "Its attempt.", _TRAINING),
        Column("task_id", "int64", "That task; of several attempts the last.", _TRAINING),
        Column("start_time_ms", "int64", "Start of its first job, UTC epoch.", _TRAINING),
        Column("end_time_ms", "int64", "End of its last job, UTC epoch.", _TRAINING),
        Column("fit_start_time_ms", "int64", "Start of its first job that trains, UTC epoch.", _TRAINING),
        Column("fit_end_time_ms", "int64", "End of its last job that trains, UTC epoch.", _TRAINING),
        Column("evaluate_start_time_ms", "int64", "Start of its first job that evaluates, UTC epoch.", _TRAINING),
        Column("evaluate_end_time_ms", "int64", "End of its last job that evaluates, UTC epoch.", _TRAINING),
    ),
)
