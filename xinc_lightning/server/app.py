"""The addresses of the explorer's server, and how their parts are checked."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from xinc_lightning.explorer.build import MOST_BYTES, build_live_page, live_overview, snapshot_data
from xinc_lightning.explorer.encode import to_json
from xinc_lightning.runs.reader import Run, Snapshot
from xinc_lightning.runs.untrusted import UnreadableError, read_bytes
from xinc_lightning.server.errors import RequestError
from xinc_lightning.server.events import Events
from xinc_lightning.server.guard import LOOPBACK, Guard
from xinc_lightning.server.watch import RunFolders

if TYPE_CHECKING:  # torch and Lightning take seconds to import, in which the page shows what was saved
    from xinc_lightning.server.exact import ExactCanvases

MOST_BODY = 1 << 22
"""Bytes of a request."""

T = TypeVar("T")


def build_app(
    folders: RunFolders,
    canvases: "Callable[[], ExactCanvases]",
    hosts: Collection[str] = LOOPBACK,
    token: str | None = None,
) -> Starlette:
    """The server of some runs.

    Args:
        folders: the runs; only files that they list are ever sent.
        canvases: what is computed of them; called in a thread, where it may wait, and first when a page has been sent.
        hosts: see :class:`Guard`.
        token: see :class:`Guard`.
    """
    events = Events(folders)

    @asynccontextmanager
    async def watching(app: Starlette) -> AsyncIterator[None]:
        watcher = asyncio.create_task(events.watch())
        yield
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher

    async def page(request: Request) -> Response:
        html, policy = await run_in_threadpool(build_live_page, folders.runs)
        policy += "; frame-ancestors 'none'"
        headers = {"Content-Security-Policy": policy}
        ahead = threading.Thread(target=canvases, daemon=True)  # nothing waits for it, Ctrl-C neither
        return HTMLResponse(html, headers=headers, background=BackgroundTask(ahead.start))

    async def overviews(request: Request) -> Response:
        return _json([await run_in_threadpool(live_overview, run) for run in folders.runs])

    async def snapshot(request: Request) -> Response:
        run, found = _snapshot(folders, request)
        address = f"api/{request.path_params['run']}/{found.epoch}/figure?name="
        data = await run_in_threadpool(
            partial(snapshot_data, run, found, figure=lambda name, path: address + quote(name, safe=""))
        )
        return _json(data)

    async def figure(request: Request) -> Response:
        run, found = _snapshot(folders, request)
        path = found.figures.get(request.query_params.get("name", ""))
        if path is None:
            raise RequestError("there is no such figure at this epoch.", 404)
        try:
            content = await run_in_threadpool(read_bytes, path, run.path, MOST_BYTES)
        except FileNotFoundError:
            raise RequestError("the figure has been removed.", 404) from None
        except UnreadableError as error:
            raise RequestError(f"the figure {error}.", 404) from None
        return Response(content, media_type="image/png")

    async def listen(request: Request) -> Response:
        if events.full:
            raise RequestError("too many pages listen already.", 429)
        return StreamingResponse(events.listen(), media_type="text/event-stream")

    async def computed(request: Request, name: str, **options: Any) -> Response:
        place = [request.path_params[part] for part in ("run", "epoch", "frame")]
        return _json(await run_in_threadpool(lambda: getattr(canvases(), name)(*place, **options)))

    def exact(name: str, **parameters: Callable[[str], Any]) -> Route:
        """A route to what is computed of a run's epoch and frame, with the types of its parameters."""

        async def handle(request: Request) -> Response:
            options = {name: _parameter(request, name, kind) for name, kind in parameters.items()}
            return await computed(request, name, **options)

        return Route(f"/api/{{run:int}}/{{epoch:int}}/{{frame:int}}/{name}", handle)

    async def without(request: Request) -> Response:
        return await computed(request, "without", removed=_removed(await _body(request)))

    return Starlette(
        routes=[
            Route("/", page),
            Route("/api/runs", overviews),
            Route("/api/events", listen),
            Route("/api/{run:int}/{epoch:int}", snapshot),
            Route("/api/{run:int}/{epoch:int}/figure", figure),
            exact("frame"),
            exact("pixel", row=int, col=int, count=int),
            exact("maps", layer=str, neurons=_numbers, cell=int, of=str),
            exact("weakest", layer=str, share=float),
            exact("favourites", layer=str, count=int),
            exact("alike", layer=str, neuron=int, kind=str),
            Route("/api/{run:int}/{epoch:int}/{frame:int}/without", without, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
        exception_handlers={RequestError: _refused, HTTPException: _refused, Exception: _failed},
        lifespan=watching,
    )


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, RequestError):
        return JSONResponse({"error": _sentence(str(error))}, error.status)
    assert isinstance(error, HTTPException)
    sentence = {404: "There is no such address.", 405: "This address is not asked in this way."}
    return JSONResponse({"error": sentence.get(error.status_code, error.detail)}, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "The server failed; its terminal has the traceback."}, 500)


def _snapshot(folders: RunFolders, request: Request) -> tuple[Run, Snapshot]:
    runs, number, epoch = folders.runs, request.path_params["run"], request.path_params["epoch"]
    if number < len(runs):
        for snapshot in runs[number].snapshots:
            if snapshot.epoch == epoch:
                return runs[number], snapshot
    raise RequestError(f"there is no run {number} that was analysed after {epoch} epochs.", 404)


def _parameter(request: Request, name: str, kind: Callable[[str], T]) -> T:
    given = request.query_params.get(name)
    if given is None:
        raise RequestError(f"the address lacks '{name}'.")
    try:
        return kind(given)
    except (ValueError, OverflowError):
        raise RequestError(f"'{name}' is {given[:60]!r}, which is not what it must be.") from None


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if not all(map(_is_index, numbers)):
        raise ValueError("no index")
    return numbers


def _is_index(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


async def _body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise RequestError("the content must be application/json.", 415)
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BODY:
            raise RequestError(f"the content is more than {MOST_BODY:,} bytes.", 413)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise RequestError("the content is no JSON.") from None


def _removed(body: Any) -> dict[str, list[int]]:
    """The neurons by layer that a request takes out."""
    removed = body.get("removed") if isinstance(body, dict) else None
    if not isinstance(removed, dict) or not all(
        isinstance(neurons, list) and all(map(_is_index, neurons)) for neurons in removed.values()
    ):
        raise RequestError('the content must be {"removed": {layer: [neurons]}}.')
    return removed


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
