"""A thread that runs tasks one after another, so that callers can limit how long they wait."""

import queue
import threading
from collections.abc import Callable


class Background:
    """Runs tasks in order until one fails; later tasks are discarded.

    It is a daemon thread: a task that hangs does not keep the program alive.
    """

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._tasks: queue.SimpleQueue[Callable[[], None] | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def started(self) -> bool:
        """Whether there was anything to do."""
        return self._thread is not None

    def do(self, task: Callable[[], None]) -> None:
        """Queue a task."""
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until all tasks are done, or for so many seconds; returns whether they are."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._tasks.put(done)
        return done.wait(seconds)

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if isinstance(task, threading.Event):
                task.set()
            elif self.failure is None:
                try:
                    task()
                except Exception as error:
                    self.failure = error
