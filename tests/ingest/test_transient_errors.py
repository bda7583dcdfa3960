"""Which answers of a server are tried again."""

import pytest
from mlflow.exceptions import MlflowException

from afterglow.ingest.transient_errors import is_transient


def answer(status: int) -> MlflowException:
    """As mlflow.utils.rest_utils.verify_rest_response raises it."""
    return MlflowException(
        f"API request to endpoint /api/2.0/mlflow/runs/create failed with error code {status} != 200"
    )


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    assert is_transient(answer(status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 501])
def test_a_refusal_is_final(status: int) -> None:
    assert not is_transient(answer(status))
