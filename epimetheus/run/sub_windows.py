"""Divides the window of a busy compartment into sub-windows, which are read at the same time: pure functions.

The pages of one window are read one after the other, because each names the next. Times are minutes since the epoch.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from epimetheus.model import Window
from epimetheus.run.plan import NO_TIME, TaskOutcome
from epimetheus.source.fetch import FetchTask


def divide(task: FetchTask, page_rate: int, pages: int) -> list[FetchTask]:
    """The tasks of consecutive sub-windows with about ``pages`` pages each. ``page_rate``: pages per hour of the compartment.

    ``task`` alone if its window has less than two such sub-windows or is in progress, or if ``pages`` is 0.
    """
    start, end = task.window
    minutes = end - start
    count = min(page_rate * minutes // 60 // pages, minutes) if pages and task.page is None else 1
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
