"""Machine learning over Spark Connect: searches, trials and fits, from the requests of the client.

A client tunes and fits in its own process; every fit, evaluation and query is an operation of the server, whose request
the log holds (`SparkListenerConnectOperationStarted.statementText`). fit_chains (the stages of a Pipeline, the model of
an evaluation) -> trial_order (the index of a param map) -> searches (of one session) -> recognize.
"""

from .recognize import recognize

__all__ = ["recognize"]
