"""How the application trained models: searches, their trials, and fits."""

from ..columns import Column, Table

_ANNOTATED = "derived: annotation events, see docs/annotate.md"
_TRAINING = "derived: by ingest.training"

MINIMUM_CONFIDENCE = 0.5
"""Below it a search shows no trials, and nothing is concluded from its trials and fits."""

TUNINGS = Table(
    "tunings",
    grain="one hyperparameter search",
    key=("tuning_uid",),
    columns=(
        Column(
            "tuning_uid",
            "string",
            "Uid of the search, with .2 or .3 where one object was fitted again. Without a uid: kind and number.",
            _TRAINING,
        ),
        Column(
            "kind",
            "string",
            "CrossValidator, TrainValidationSplit, or the search class of another framework.",
            _TRAINING,
        ),
        Column("framework", "string", "Framework: mllib, hyperopt, joblib and others.", _TRAINING),
        Column(
            "source",
            "string",
            "annotated (the job wrote it), exact (the log holds it) or inferred (from the shape of the jobs).",
            _TRAINING,
        ),
        Column(
            "found_by", "string", "Evidence for the search: annotation, plan, stack, lineage and others.", _TRAINING
        ),
        Column(
            "confidence",
            "double",
            "Probability from 0 to 1 that its jobs are assigned to the right fits; see docs/training.md.",
            _TRAINING,
        ),
        Column("num_folds", "int32", "Number of folds; 1 for a TrainValidationSplit.", _TRAINING),
        Column("num_trials", "int32", "Number of trials that started.", _TRAINING),
        Column("num_fits", "int32", "Number of fits that started.", _TRAINING),
        Column(
            "parallelism",
            "int32",
            "Configured parallelism where the log has it, else the largest number of fits at the same time.",
            _TRAINING,
        ),
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _TRAINING),
        Column("start_time_ms", "int64", "Start of the first job, UTC epoch.", _TRAINING),
        Column("end_time_ms", "int64", "End of the last job, UTC epoch. Null while the search runs.", _TRAINING),
        Column(
            "estimator_class",
            "string",
            "Class of the estimator; of a pipeline the last stage that ran jobs.",
            _TRAINING,
        ),
        Column("estimator_uid", "string", "Uid of the estimator, where the log has it.", _TRAINING),
        Column("evaluator_class", "string", "Class of the evaluator.", _TRAINING),
        Column("metric_name", "string", "Metric of the evaluator, where the log has it.", _TRAINING),
        Column("best_trial", "int32", "Trial of the best model. Null where the log does not have it.", _TRAINING),
        Column("larger_better", "bool", "Whether a larger metric is better. Null unless annotated.", _ANNOTATED),
        Column("seed", "int64", "Seed of the split. Null unless annotated.", _ANNOTATED),
        Column("fold_col", "string", "Column that contains the fold. Null unless annotated.", _ANNOTATED),
        Column("annotated_run", "string", "Id of the annotate.run around the search.", _ANNOTATED),
        Column(
            "parent_uid",
            "string",
            "Uid of the search that this one is nested in. Null where it is not nested.",
            _TRAINING,
        ),
        Column("parent_trial", "int32", "Trial of that search.", _TRAINING),
        Column("parent_fold", "int32", "Fold of that search.", _TRAINING),
    ),
)

TRIALS = Table(
    "trials",
    grain="one trial of one search: one param map",
    key=("tuning_uid", "trial"),
    columns=(
        Column("tuning_uid", "string", "Uid of the search.", _TRAINING),
        Column(
            "trial",
            "int32",
            "Trial, from 0: the index of the param map where the log has it, else the order of start.",
            _TRAINING,
        ),
        Column(
            "params_json",
            "string",
            "Param map as a JSON object. Null where the log does not have it.",
            _TRAINING,
            text="json",
        ),
        Column(
            "avg_metric",
            "double",
            "Evaluation metric, averaged over folds. Null where the log does not have it.",
            _TRAINING,
        ),
        Column("std_metric", "double", "Standard deviation of the evaluation metric over folds.", _TRAINING),
        Column("num_folds", "int32", "Number of its fits that started.", _TRAINING),
        Column(
            "status",
            "string",
            "FINISHED, FAILED (one of its fits failed), KILLED (pruned or cancelled) or RUNNING.",
            _TRAINING,
        ),
        Column("start_time_ms", "int64", "Start of the first fit, UTC epoch.", _TRAINING),
        Column("end_time_ms", "int64", "End of the last fit, UTC epoch.", _TRAINING),
    ),
)

FITS = Table(
    "fits",
    grain="one call of an estimator's fit with the evaluation of its model; in a search one trial on one fold",
    key=("tuning_uid", "trial", "fold", "fit_uid"),
    columns=(
        Column("tuning_uid", "string", "Uid of the search. Null outside searches.", _TRAINING),
        Column("trial", "int32", "Trial. Null outside searches and where it is unknown.", _TRAINING),
        Column("fold", "int32", "Fold, from 0. Null where trial is null.", _TRAINING),
        Column(
            "fit_uid",
            "string",
            "Id of a fit outside searches or of unknown trial: uid or class of the estimator, with .2 or .3 for later "
            "calls. Else null.",
            _TRAINING,
        ),
        Column("parent_fit_uid", "string", "Fit that called this one, such as that of a OneVsRest.", _TRAINING),
        Column("name", "string", "Name of the run, where it is not the estimator's class.", _TRAINING),
        Column("framework", "string", "Framework: mllib, xgboost and others.", _TRAINING),
        Column("source", "string", "annotated, exact or inferred, as in tunings.", _TRAINING),
        Column(
            "confidence",
            "double",
            "Probability from 0 to 1 that its jobs belong to this fit; see docs/training.md.",
            _TRAINING,
        ),
        Column(
            "estimator_class", "string", "Class of the estimator. Null in searches, where tunings has it.", _TRAINING
        ),
        Column("estimator_uid", "string", "Uid of the estimator, where the log has it.", _TRAINING),
        Column(
            "params_json",
            "string",
            "Params as a JSON object, where the log has them and the trial does not.",
            _TRAINING,
            text="json",
        ),
        Column("metric", "double", "Evaluation metric. Null where the log does not have it.", _TRAINING),
        Column("status", "string", "FINISHED, FAILED, KILLED (pruned or cancelled) or RUNNING.", _TRAINING),
        Column("num_jobs", "int64", "Number of jobs, including those of nested searches.", _TRAINING),
        Column("annotated_run", "string", "Id of the annotate.run around all of its jobs.", _ANNOTATED),
        Column("stage_id", "int32", "Stage of the task that is this fit. Null for fits that are jobs.", _TRAINING),
        Column("stage_attempt", "int32", "Attempt of that stage.", _TRAINING),
        Column("task_id", "int64", "Last attempt of that task.", _TRAINING),
        Column("start_time_ms", "int64", "Start of the first job, UTC epoch.", _TRAINING),
        Column("end_time_ms", "int64", "End of the last job, UTC epoch.", _TRAINING),
        Column("fit_start_time_ms", "int64", "Start of the first training job, UTC epoch.", _TRAINING),
        Column("fit_end_time_ms", "int64", "End of the last training job, UTC epoch.", _TRAINING),
        Column("evaluate_start_time_ms", "int64", "Start of the first evaluation job, UTC epoch.", _TRAINING),
        Column("evaluate_end_time_ms", "int64", "End of the last evaluation job, UTC epoch.", _TRAINING),
    ),
)
