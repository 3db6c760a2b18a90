"""Where partitions are worked on: one method, ``run(function, tasks)``, results in order."""

from sgengine.executors.choose import Executor, choose_executor
from sgengine.executors.threads import Serial, Stop, StoppedError, Threads

__all__ = ["Executor", "Serial", "Stop", "StoppedError", "Threads", "choose_executor"]
