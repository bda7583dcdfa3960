"""Hyperparameter searches that cost more than they need to."""

from .interface import FindingCode, Threshold

CODES = (
    FindingCode(
        "expensive_trial",
        "trial",
        "tuning",
        "A trial cost much more than the others and is not the best.",
        "time of its fits, without work for others (persisting a fold's data, start-up in the first fits), >= "
        "trial_ratio x "
        "the median trial; where metrics are known, a trial of less than half the cost is as good within metric_ratio "
        "of their range",
        "time of its fits minus that of the median trial / parallelism of the search",
        "Leave such param maps out, or try them with fewer folds or on a sample first.",
        (
            Threshold("trial_ratio", 2.5, "Minimum ratio to the time of the median trial."),
            Threshold("trials", 3, "Minimum number of trials."),
            Threshold(
                "metric_ratio", 0.02, "Difference that does not count as better, as a share of the range of metrics."
            ),
        ),
    ),
    FindingCode(
        "repeated_features",
        "tuning",
        "tuning",
        "Every trial of a fold fits the feature stages of the pipeline again on the same data.",
        "in the fits of one fold: jobs of all estimators but the last one, beyond one fit per distinct params where "
        "known, "
        "else per fold",
        "time of those jobs / parallelism of the search",
        "Put the search into the pipeline as its last stage if the feature stages may see all folds. Else fit them "
        "once "
        "per fold.",
        (Threshold("trials", 2, "Minimum number of trials."),),
    ),
    FindingCode(
        "not_cached",
        "tuning",
        "tuning",
        "The training data is computed from its source again for every fold.",
        "stages of the search that read a source without a cached RDD >= reads; the input of the search is not "
        "persisted",
        "time of these stages but the longest, minus the time of stages on persisted data / parallelism of the search",
        "Cache the data frame or write it to a file before the fit, for example `df.cache().count()`.",
        (Threshold("reads", 3, "Minimum number of reads of the source."),),
    ),
    FindingCode(
        "parallelism",
        "tuning",
        "tuning",
        "Fits run in sequence while cores are idle.",
        "the fits of every fold scheduled on 2, 4 and 8 threads, limited by their core time on all cores and by the "
        "time in which only the driver works",
        "time of the folds minus that with the best of 2, 4 and 8",
        "Raise the parallelism of the CrossValidator or TrainValidationSplit.",
        (Threshold("gain_ratio", 0.2, "Minimum share of the folds' time that is saved."),),
        at_most="warning",
    ),
    FindingCode(
        "shared_executor",
        "tuning",
        "tuning",
        "Trials shared an executor while another executor had no task.",
        "trials of one task each: the time in which two of them ran on one executor and another executor ran nothing "
        ">= time_ratio x the time in which any trial ran",
        "half of that time, which is what two trials save at most when each has its own executor",
        "Set `spark.task.cpus` to the cores that a trial uses, so that Spark places one trial on each executor.",
        (Threshold("time_ratio", 0.1, "Minimum share of the time in which any trial ran."),),
        at_most="warning",
    ),
    FindingCode(
        "unused_parallelism",
        "tuning",
        "tuning",
        "The parallelism of a search is above the number of its trials.",
        "configured parallelism > number of trials, in a search that has ended",
        "none: the remaining threads or tasks have no trial",
        "Lower the parallelism to the number of trials, or try more trials.",
        at_most="note",
        always_reported=True,
    ),
    FindingCode(
        "retried_trial",
        "tuning",
        "tuning",
        "Spark ran a trial again because an attempt of its task failed.",
        "trials of one task each: failed attempts that another attempt followed",
        "time of the failed attempts / parallelism of the search",
        "Read the failure reason of the task. Let the objective report its own errors to the framework, and set "
        "`spark.task.maxFailures` to 1 if a trial must not run twice.",
        always_reported=True,
        at_most="warning",
    ),
)
