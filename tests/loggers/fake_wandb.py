"""A W&B server on this machine, as far as wandb 0.31 asks it for anything; it can be told to misbehave.

Used by the tests beside it and by scripts/wandb_faults.py.
"""

import base64
import gzip
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

ENTITY = "me"
KEY = "f" * 40


@dataclass
class Run:
    """What the server has of a run.

    Attributes:
        id: of the run, as its address says.
        said: the run's fields, as last set: name, group, tags, config and so on.
        history: rows, as they came.
        summary: the latest.
        files: names and contents of what was uploaded.
        exit_code: None while the run goes on.
        alerts: titles.
    """

    id: str
    project: str
    said: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    summary: str = "{}"
    files: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None
    alerts: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.history]

    @property
    def config(self) -> dict[str, Any]:
        return {
            k: v["value"] for k, v in json.loads(self.said.get("config") or "{}").items() if k != "_wandb"
        }

    def bucket(self) -> dict[str, Any]:
        tail = json.dumps(self.history[-1:])
        return {
            **{
                "id": _id(self.id),
                "name": self.id,
                "displayName": self.said.get("displayName"),
                "notes": None,
            },
            **{
                "config": self.said.get("config") or "{}",
                "tags": self.said.get("tags") or [],
                "description": "",
            },
            **{"historyLineCount": len(self.history), "historyTail": tail, "summaryMetrics": self.summary},
            **{
                "eventsLineCount": 0,
                "eventsTail": "[]",
                "logLineCount": 0,
                "wandbConfig": json.dumps({"t": {}}),  # without it a run counts as never begun
                "sweepName": None,
            },
            "project": _project(self.project),
        }


class FakeServer:
    """The server; ``with FakeServer() as server`` runs it in a thread, at ``server.url``.

    Attributes:
        fault: how it answers: ``ok``, ``hang``, ``drop``, ``slow`` (200 bytes a second) or an HTTP status.
        after: answer well so often before, counting row uploads only.
    """

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.fault, self.after = "ok", 0
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.fake = self
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "FakeServer":
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.fault = "drop"  # lets go of those that hang
        self._http.shutdown()
        self._http.server_close()

    def environment(self) -> dict[str, str]:
        """What makes wandb log to this server."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY}

    def run(self) -> Run:
        """The only run."""
        (run,) = self.runs.values()
        return run


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeServer

    def handle_error(self, request: object, client_address: object) -> None:
        """The other end may be killed at any time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(200, {})

    def do_PUT(self) -> None:
        content = self._content()
        if not self._misbehave():
            _, run, name = unquote(urlsplit(self.path).path).removeprefix("/").split("/", 2)
            if run in self.server.fake.runs:
                self.server.fake.runs[run].files[name] = content
            self._answer(200, {})

    def do_POST(self) -> None:
        fake = self.server.fake
        content = self._content()
        path = urlsplit(self.path).path
        rows = path.endswith("/file_stream")
        if rows and fake.after > 0:
            fake.after -= 1
        elif self._misbehave():
            return
        if rows:
            self._answer(*_stream(fake, unquote(path.split("/")[-2]), json.loads(content)))
        elif path == "/graphql":
            asked = json.loads(content)
            self._answer(200, _graphql(fake, asked["query"], asked.get("variables") or {}))
        else:
            self._answer(200, {})

    def _content(self) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            content = b"".join(parts)
        else:
            left = int(self.headers.get("Content-Length") or 0)
            content = b""
            while left and (part := self.rfile.read(min(left, 50 if self._slow else left))):
                content, left = content + part, left - len(part)
                time.sleep(0.25 if self._slow else 0)
        return gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content

    @property
    def _slow(self) -> bool:
        return self.server.fake.fault == "slow" and not self.server.fake.after

    def _misbehave(self) -> bool:
        fake = self.server.fake
        if fake.after or fake.fault in ("ok", "slow"):
            return False
        while fake.fault == "hang":
            time.sleep(0.05)
        if fake.fault.isdigit():
            self._answer(int(fake.fault), {"error": "out of order"})
        else:
            self.close_connection = True
        return True

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _stream(fake: FakeServer, name: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Rows of a run: each file's lines from an offset on."""
    if (run := fake.runs.get(name)) is None:
        return 404, {"error": "no such run"}
    for file, chunk in (said.get("files") or {}).items():
        if file == "wandb-history.jsonl":
            run.history[chunk["offset"] :] = chunk["content"]
        elif file == "wandb-summary.json":
            run.summary = chunk["content"][-1]
    if said.get("complete"):
        run.exit_code = said.get("exitcode")
    return 200, {"exitcode": None, "limits": {}}


def _graphql(fake: FakeServer, query: str, v: dict[str, Any]) -> dict[str, Any]:
    found = re.search(r"(?:query|mutation)\s+(\w+)", query)
    operation = found[1] if found else ""
    if operation == "UpsertBucket":
        run = next((r for r in fake.runs.values() if _id(r.id) == v.get("id")), None)
        inserted = run is None and v.get("name") not in fake.runs
        run = run or fake.runs.setdefault(v["name"], Run(v["name"], v.get("project") or ""))
        run.said |= {key: value for key, value in v.items() if value is not None}
        run.summary = v.get("summaryMetrics") or run.summary
        return {"data": {"upsertBucket": {"bucket": run.bucket(), "inserted": inserted}}}
    if operation == "RunResumeStatus":
        known = fake.runs.get(v["name"])
        project = {**_project(v.get("project") or ""), "bucket": known and known.bucket()}
        return {"data": {"model": project}}
    if operation == "CreateRunFiles":
        files = [{"name": f, "uploadUrl": f"{fake.url}/files/{v['run']}/{f}"} for f in v["files"]]
        return {"data": {"createRunFiles": {"runID": _id(v["run"]), "uploadHeaders": [], "files": files}}}
    if operation in ("Viewer", "GetViewer", "GetDefaultEntity"):
        who = {
            "id": "1",
            "entity": ENTITY,
            "username": ENTITY,
            "email": "",
            "name": "",
            "admin": False,
            "flags": "{}",
        }
        return {"data": {"viewer": {**who, "teams": {"edges": []}, "apiKeys": {"edges": []}}}}
    if operation in ("ServerInfo", "ServerFeaturesQuery", "ServerFeatures"):
        return {
            "data": {"serverInfo": {"cliVersionInfo": "{}", "latestLocalVersionInfo": None, "features": []}}
        }
    if operation == "NotifyScriptableRunAlert":
        fake.runs[v["runName"]].alerts.append(v["title"])
        return {"data": {"notifyScriptableRunAlert": {"success": True}}}
    if operation == "CreateArtifact":
        fake.artifacts.append(v["input"])
        number = f"artifact{len(fake.artifacts)}"
        made = {"id": number, "state": "PENDING", "artifactSequence": {"id": number, "latestArtifact": None}}
        return {"data": {"createArtifact": {"artifact": made}}}
    if operation in ("CreateArtifactManifest", "UpdateArtifactManifest"):
        where = {
            "id": "file",
            "name": "m",
            "displayName": "m",
            "uploadUrl": f"{fake.url}/files/-/m",
            "uploadHeaders": [],
        }
        name = operation[0].lower() + operation[1:]
        return {"data": {name: {"artifactManifest": {"id": "manifest", "file": where}}}}
    if operation == "CreateArtifactFiles":
        specs = v.get("artifactFiles") or v["input"]["artifactFiles"]
        nodes = [
            {"node": {**_file(fake, spec["name"]), "artifact": {"id": spec["artifactID"]}}} for spec in specs
        ]
        return {"data": {"createArtifactFiles": {"files": {"edges": nodes}}}}
    if operation == "CommitArtifact":
        return {"data": {"commitArtifact": {"artifact": {"id": v["artifactID"], "digest": "0"}}}}
    return {"data": None, "errors": [{"message": f"no operation {operation!r}"}]}


def _file(fake: FakeServer, name: str) -> dict[str, Any]:
    url = f"{fake.url}/files/-/{name}"
    named = {"id": name, "name": name, "displayName": name, "storagePath": name, "uploadUrl": url}
    return {**named, "uploadHeaders": [], "uploadMultipartUrls": None}


def _project(name: str) -> dict[str, Any]:
    return {"id": _id(name), "name": name, "entity": {"id": "entity", "name": ENTITY}}


def _id(name: str) -> str:
    return base64.b64encode(name.encode()).decode()
