"""CPU and memory of a process from /proc. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""

import os
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Returns the user and system time of all threads of a process, with a resolution of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def peak_bytes(pid: int) -> int:
    """Returns the peak memory of a process (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def wait_until_idle(pid: int) -> None:
    """Waits until a process has used no CPU for 0.1 s, which ends its startup."""
    before = -1.0
    while (now := cpu_seconds(pid)) != before:
        before = now
        time.sleep(0.1)
