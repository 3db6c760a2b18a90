"""Where partitions are worked on: one method, ``run(function, tasks)``, results in order."""

from sgengine.executors.choose import Executor, choose_executor
from sgengine.executors.threads import Serial, Stop, Stopped, Threads

__all__ = ["Executor", "Serial", "Stop", "Stopped", "Threads", "choose_executor"]
