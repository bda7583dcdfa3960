"""Hyperparameter searches that cost more than they need to."""

from .interface import FindingCode, Threshold

CODES = (
    FindingCode(
        "expensive_trial",
        "trial",
        "tuning",
        "A trial cost far more than the others, and is not the best.",
        "the time of its fits, without what they did for others (persisting a fold's data; in the search's first fits "
        "starting up), >= trial_ratio x the median trial's; where metrics are known, another trial that cost less than "
        "half as much is as good, but for metric_ratio of the metrics' range",
        "the time of its fits less the median trial's, divided by the search's parallelism",
        "Leave such param maps out, or try them with fewer folds or on a sample first.",
        (
            Threshold("trial_ratio", 2.5, "Times the median trial's time."),
            Threshold("trials", 3, "Trials that the search has at least."),
            Threshold("metric_ratio", 0.02, "Share of the range of metrics that does not count as better."),
        ),
    ),
    FindingCode(
        "repeated_features",
        "tuning",
        "tuning",
        "Feature stages of a pipeline are fitted again in every trial of a fold, on the same data.",
        "in the fits of one fold, jobs of estimators that are not the search's last one, beyond one fit per distinct "
        "setting of theirs (params known), else per fold",
        "the time of those jobs beyond the first of every fold and setting, divided by the search's parallelism",
        "Put the search inside the pipeline (feature stages before, CrossValidator as the last stage), where feature "
        "stages may see all folds; or fit them once per fold.",
        (Threshold("trials", 2, "Trials that the search has at least."),),
    ),
    FindingCode(
        "not_cached",
        "tuning",
        "tuning",
        "What a search learns from is computed from its source again for every fold.",
        "stages of the search that read a source and none of whose persisted RDDs was there before >= reads; the data "
        "that goes into the search is not persisted",
        "the time of these stages beyond the longest, less what a stage of the search on persisted data takes, divided "
        "by the search's parallelism",
        "Cache the data frame, or write it to a file, before fit: df.cache(); df.count().",
        (Threshold("reads", 3, "Times that the source is read."),),
    ),
    FindingCode(
        "parallelism",
        "tuning",
        "tuning",
        "Fits run one after the other while cores are idle.",
        "the fits of every fold laid out on 2, 4 and 8 threads, never faster than their core time on all cores allows",
        "the time of the search's folds as it was, less with the best of 2, 4 and 8",
        "Set parallelism of the CrossValidator or TrainValidationSplit.",
        (Threshold("gain_ratio", 0.2, "Share of the folds' time that is saved at least."),),
        at_most="warning",
    ),
)
