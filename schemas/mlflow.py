"""MLflow's strings and limits, each with the place that defines it."""

# mlflow.utils.validation: MAX_ENTITY_KEY_LENGTH, MAX_PARAM_VAL_LENGTH, MAX_TAG_VAL_LENGTH, MAX_*_PER_BATCH
MAX_KEY = 250
MAX_PARAM_VALUE = 6000
MAX_TAG_VALUE = 8000
MAX_TAG_VALUE_BEFORE_3 = 5000
MAX_RUN_NAME = 250
MAX_METRICS_PER_BATCH = 1000
MAX_PARAMS_PER_BATCH = 100
MAX_TAGS_PER_BATCH = 100
MAX_ENTITIES_PER_BATCH = 1000
MAX_DATASET_NAME = 500
MAX_DATASET_SOURCE = 16_000  # 65,535 bytes in MySQL, four a character
MAX_USER = 256  # mlflow.store.tracking.dbmodels.models.SqlRun.user_id
MAX_EXPERIMENT_TAG_VALUE = 20_000

# mlflow.utils.mlflow_tags
PARENT_RUN_ID = "mlflow.parentRunId"
RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
NOTE = "mlflow.note.content"
SOURCE_TYPE = "mlflow.source.type"
DATASET_CONTEXT = "mlflow.data.context"
AUTOLOGGING = "mlflow.autologging"
# The kind of an experiment selects the model training view or the GenAI view of its page
# (mlflow/server/js/src/experiment-tracking/constants.ts, ExperimentKind)
EXPERIMENT_KIND = "mlflow.experimentKind"
EXPERIMENT_KIND_TRAINING = "custom_model_development"
WORKFLOW_TYPE = "workflowType=machine_learning"
