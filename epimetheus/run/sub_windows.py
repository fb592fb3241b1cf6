"""Divides the window of a busy compartment into sub-windows, which are read at the same time: pure functions.

The pages of one window are read one after the other, because each names the next. Times are minutes since the epoch.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from epimetheus.model import Window
from epimetheus.run.plan import NO_TIME, TaskOutcome
from epimetheus.source.fetch import FetchTask

PARTS_PER_WORKER = 4
"""Sub-windows have different numbers of pages: with several for each worker, all workers end at about the same time."""


def divide_all(tasks: Sequence[FetchTask], page_rates: Mapping[str, int], *, least_pages: int, workers: int) -> list[list[FetchTask]]:
    """The parts of each task, so many that ``workers`` read the pages of all tasks at the same time.

    ``page_rates``: OCID → pages per hour. ``least_pages``: pages of a sub-window at least, because its last one is not full; 0: no window
    is divided.
    """
    if not least_pages:
        return [[task] for task in tasks]
    expected = [page_rates[task.compartment] * (task.window.end - task.window.start) // 60 for task in tasks]
    pages = max(least_pages, sum(expected) // (PARTS_PER_WORKER * workers))
    return [_divide(task, count // pages) for task, count in zip(tasks, expected, strict=True)]


def _divide(task: FetchTask, count: int) -> list[FetchTask]:
    """``count`` parts with consecutive sub-windows, at most one a minute. A window in progress is not divided."""
    start, end = task.window
    minutes = end - start
    count = min(count, minutes) if task.page is None else 1
    if count < 2:
        return [task]
    marks = [start + minutes * number // count for number in range(count + 1)]
    return [task._replace(window=Window(*bounds)) for bounds in pairwise(marks)]


def join(parts: Sequence[FetchTask], outcomes: Mapping[FetchTask, TaskOutcome]) -> TaskOutcome:
    """The outcome of the task that was divided into ``parts``: that of the first sub-window that was not read to its end.

    A part without an outcome was not started.
    """
    found = [outcomes.get(part, TaskOutcome(NO_TIME, part.page)) for part in parts]
    first = next((number for number, one in enumerate(found) if one.reason), None)
    if first is None:
        return TaskOutcome(events=sum(one.events for one in found), pages=sum(one.pages for one in found))
    if len(parts) == 1:
        return found[0]
    return found[first]._replace(not_found=found[first].not_found and first == 0, sub_window=parts[first].window)
