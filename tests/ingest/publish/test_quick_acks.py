"""Connections of MLflow's sessions that acknowledge the head of an answer at once."""

import socket

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from afterglow.ingest.publish import quick_acks

from . import fake_server
from .fake_server import address, answering

pytestmark = pytest.mark.linux


def test_each_answer_of_a_server_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledged, acknowledge = [], quick_acks._acknowledge

    def record(connection: socket.socket | None) -> None:
        acknowledge(connection)
        if connection is not None:
            acknowledged.append(connection.getpeername())

    quick_acks.acknowledge_at_once()
    monkeypatch.setattr(fake_server._Handler, "protocol_version", "HTTP/1.1")  # keeps the connection
    monkeypatch.setattr(quick_acks, "_acknowledge", record)
    with answering(200, '{"experiment": {"experiment_id": "7", "name": "x"}}') as server:
        client = MlflowClient(address(server))
        for _ in range(2):
            assert client.get_experiment("7").name == "x"
        assert acknowledged == [server.server_address] * server.requests
    with pytest.raises(MlflowException, match="refused"):
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        client.get_experiment("7")


def test_a_connection_that_the_server_has_closed_is_left_alone() -> None:
    quick_acks._acknowledge(None)
    closed = socket.socket()
    closed.close()
    quick_acks._acknowledge(closed)
