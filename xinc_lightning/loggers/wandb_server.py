"""Queries a W&B server for the rows it has of a run: wandb's own process does not report rejected ones."""

import base64
import json
import netrc
import os
import urllib.request
from contextlib import suppress
from urllib.parse import urlsplit

QUERY = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) { bucket(name: $name, missingOk: true) { historyTail } }
}"""


def last_step(url: str, entity: str, project: str, run: str, seconds: float) -> int | None:
    """The step of the last row that a server has of a run; None if it has no row.

    Args:
        url: the server's, such as ``https://api.wandb.ai``.
        entity: whose run it is.
        project: of the run.
        run: the run's id.
        seconds: how long to wait for the answer.

    Raises:
        OSError: if there is no answer, or a refusal.
        ValueError: if the answer is not understood.
    """
    variables = {"project": project, "entity": entity, "name": run}
    body = json.dumps({"query": QUERY, "variables": variables, "operationName": "RunResumeStatus"}).encode()
    login = base64.b64encode(f"api:{_key(url)}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
    request = urllib.request.Request(f"{url.rstrip('/')}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        content = json.load(answer)
    try:
        tail = json.loads(content["data"]["model"]["bucket"]["historyTail"] or "[]")
        return int(json.loads(tail[-1])["_step"]) if tail else None
    except (KeyError, TypeError) as error:
        raise ValueError(f"no such run on {url}") from error


def _key(url: str) -> str | None:
    """The API key for a server: from the environment, or where ``wandb login`` has put it."""
    if key := os.environ.get("WANDB_API_KEY"):
        return key
    with suppress(OSError, netrc.NetrcParseError):
        if found := netrc.netrc(os.environ.get("NETRC")).authenticators(urlsplit(url).hostname or ""):
            return found[2]
    return None
