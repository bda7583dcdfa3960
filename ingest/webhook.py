"""Call a webhook: one POST of JSON, or of a message in the form of Slack's incoming webhooks."""

import hashlib
import json
from collections.abc import Mapping

from ..schemas.job_history import kinds_of
from .options import WebhookOptions

_TIMEOUT_S = 10.0
_TRIES = 2


def regression_event(fields: Mapping[str, str | None]) -> dict[str, object]:
    """The event of a regression. Its `id` is the same whenever it is sent again.

    `fields` are run_id, app_id, app_attempt, name, job, regression (the tag) and url.
    """
    regression = fields["regression"] or ""
    identity = json.dumps([fields["run_id"], regression])
    return {
        "event": "regression",
        "id": hashlib.blake2b(identity.encode(), digest_size=16).hexdigest(),
        "job": fields["job"],
        "kinds": list(kinds_of(regression)),
        "text": regression.partition(": ")[2],
        "application": {name: fields[name] for name in ("app_id", "app_attempt", "name")},
        "run_id": fields["run_id"],
        "url": fields["url"],
    }


def message(event: Mapping[str, object]) -> str:
    """The event as one line of text in Slack's markup, in which only three characters are escaped."""
    kinds = event["kinds"]
    words = ", ".join(kinds) if isinstance(kinds, list) else ""
    url = f" <{event['url']}|MLflow>" if event["url"] else ""
    return f"*{_escaped(event['job'])}*: {words}. {_escaped(event['text'])}{url}"


def send(webhook: WebhookOptions, event: Mapping[str, object]) -> str | None:
    """Sends the event. Returns None, or what went wrong; the address, which may be a secret, is not in it."""
    import requests

    body = {"text": message(event)} if webhook.format == "slack" else event
    headers = {"Idempotency-Key": str(event["id"])}
    error = ""
    for _ in range(_TRIES):
        try:
            answer = requests.post(webhook.url, json=body, headers=headers, timeout=_TIMEOUT_S)
        except requests.RequestException as failure:
            error = type(failure).__name__
            continue
        if answer.ok:
            return None
        error = f"status {answer.status_code}"
        if answer.status_code < 500:
            break
    return f"the webhook about {event['job']} was not called: {error}; import the log again to call it"


def _escaped(text: object) -> str:
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
