"""Runs the server until it is stopped."""

import asyncio
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from xinc_lightning.errors import UserError
from xinc_lightning.server.app import build_app
from xinc_lightning.server.guard import LOOPBACK, is_loopback, own_names
from xinc_lightning.server.watch import RunFolders

if TYPE_CHECKING:  # imported while the page already shows what was saved
    from xinc_lightning.server.exact import ExactCanvases

PORT = 8642

LAST_PORT = 65535


def listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens on a port, or on the usual one if it is free and any other if not.

    Raises:
        UserError: if that is not possible.
    """
    if port is not None and not 0 <= port <= LAST_PORT:
        raise UserError(f"ports are numbered 0 … {LAST_PORT}, got {port}.")
    for wanted in (PORT, 0) if port is None else (port,):
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, wanted), family=family)
        except OSError as error:
            failure = error
    raise UserError(f"'{host}' port {port or PORT} cannot be listened on: {failure.strerror or failure}.")


def serve(
    paths: Sequence[Path],
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve runs until Ctrl-C.

    Args:
        paths: folders of runs, which may still be trained.
        host: the address to listen on; a token is required unless it is this machine's own.
        port: by default 8642, or a free one.
        open_browser: open the page.
        say: told the address.

    Raises:
        UserError: if a folder is no run's, or the port is taken.
    """
    folders = RunFolders(paths)
    listener = listening(host, port)
    token = None if is_loopback(host) else secrets.token_urlsafe(16)
    where = f"[{host}]" if ":" in host else socket.gethostname() if host == "0.0.0.0" else host
    address = f"http://{where}:{listener.getsockname()[1]}/" + (f"?token={token}" if token else "")
    app = build_app(folders, _made_once(folders), LOOPBACK if token is None else own_names(host), token)
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    logging.getLogger("uvicorn.error").addFilter(_is_no_farewell)
    say(f"{address} (Ctrl-C stops)")
    if open_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _is_no_farewell(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's is about anything but requests that Ctrl-C has ended, such as a page that listens."""
    cancelled = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cancelled and "graceful shutdown exceeded" not in record.getMessage()


def _made_once(folders: RunFolders) -> "Callable[[], ExactCanvases]":
    """What is computed, imported and made at the first call; later ones wait for it, and get the same."""
    lock = threading.Lock()

    @cache
    def make() -> "ExactCanvases":
        from xinc_lightning.modules.allocator import keep_freed_memory
        from xinc_lightning.server.clips import clip_of_run
        from xinc_lightning.server.exact import ExactCanvases

        keep_freed_memory()  # or each canvas takes three times as long
        return ExactCanvases(lambda: folders.runs, clip_of_run)

    def locked() -> "ExactCanvases":
        with lock:
            return make()

    return locked
