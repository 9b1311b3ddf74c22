"""Server-sent events: what changes in the run folders, to every browser that listens."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict

from starlette.concurrency import run_in_threadpool

from xinc_lightning.explorer.encode import to_json
from xinc_lightning.server.watch import RunFolders

EVERY = 1.0
"""Seconds between two looks at the folders."""

SHARE = 0.02
"""Of a processor's time that reading what changed may take."""

SILENCE = 15.0
"""Seconds after which a listener is told that nothing has happened, so that a lost connection is noticed."""

MOST_LISTENERS = 64

MOST_WAITING = 100
"""Events that a listener may be behind; one that takes no more of them is let go, and reads all when it comes back."""


class Events:
    """Tells listeners what has changed.

    Args:
        folders: the runs.
    """

    def __init__(self, folders: RunFolders) -> None:
        self.folders = folders
        self._queues: set[asyncio.Queue[str]] = set()

    @property
    def full(self) -> bool:
        """Whether no further browser may listen."""
        return len(self._queues) >= MOST_LISTENERS

    async def watch(self) -> None:
        """Look at the folders until cancelled."""
        while True:
            start = time.perf_counter()
            for change in await run_in_threadpool(self.folders.check):
                text = f"event: change\ndata: {to_json(asdict(change))}\n\n"
                for queue in [*self._queues]:
                    if queue.full():
                        self._queues.discard(queue)
                    else:
                        queue.put_nowait(text)
            await asyncio.sleep(max(EVERY, (time.perf_counter() - start) / SHARE))

    async def listen(self) -> AsyncIterator[str]:
        """The events from now on."""
        queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._queues.add(queue)
        try:
            yield "retry: 1000\nevent: hello\ndata: {}\n\n"
            while queue in self._queues:
                try:
                    yield await asyncio.wait_for(queue.get(), SILENCE)
                except TimeoutError:
                    yield ": nothing new\n\n"
        finally:
            self._queues.discard(queue)
