"""A thread that does one thing after another, so that nobody waits for them longer than he wants to."""

import queue
import threading
from collections.abc import Callable


class Background:
    """Does what it is given, in order, until something fails; what comes after that is left undone.

    The thread does not keep the program alive: what is stuck is left behind when the program ends.
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
        """Do this after all that was given before."""
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until everything is done, but no longer than this; whether it is."""
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
