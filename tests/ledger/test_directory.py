"""The ledger in a folder: files are created at once and durably, never replaced, and nothing else in the folder does harm."""

import errno
import os
import resource
import stat
from contextlib import contextmanager
from dataclasses import replace

import pytest

from epimetheus.errors import LedgerError
from epimetheus.ledger.directory import DirectoryEntryStore
from epimetheus.ledger.ledger import Ledger
from epimetheus.model import Window
from tests.ledger.samples import ENTRY, IN_ORDER, ROOT, USUAL, appended, key

TEXT = "2026/11/30/20261130T0645Z-20261130T0100Z-29401234-ab12cd34ef56-0001-poll"
DAY = 1440


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.ledger"


@pytest.fixture
def store(path):
    return DirectoryEntryStore(path)


@pytest.fixture
def ledger(store):
    return Ledger(store)


def files(path):
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if not found.is_dir())


def entry(start, end, **changes):
    return replace(ENTRY, keys={(ROOT, Window(start, end)): key(start)}, **changes)


@contextmanager
def full_disk():
    """Limits files to 100 bytes (setrlimit(2); Python ignores the signal). This includes the file of a test's output."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_folder_is_created_with_the_first_entry(ledger, path):
    assert ledger.overlapping(USUAL) == []
    assert ledger.read(ENTRY.name) is None
    ledger.prune(USUAL.end)
    assert not path.exists()
    name = appended(ledger, ENTRY)
    assert files(path) == [TEXT]
    assert ledger.overlapping(USUAL) == [name]
    assert ledger.read(name) == IN_ORDER


def test_the_name_is_the_location(ledger, path):
    assert ledger.name == f"{path}/"


def test_names_are_listed_in_order_from_start_until_before_end(store, path):
    for name in ("2026/11/29/b", "2026/11/30/a", "2026/11/30/b", "2026/11/30/c", "2026/12/01/a", "2027/01/01/a"):
        store.create(name, b"")
    assert list(store.names("2026/11/29/c", "2026/12/01/a")) == ["2026/11/30/a", "2026/11/30/b", "2026/11/30/c"]
    assert list(store.names("2026/11/30/b", "2026/11/30/c")) == ["2026/11/30/b"]
    assert list(store.names("2026/11/30/b", "2028")) == ["2026/11/30/b", "2026/11/30/c", "2026/12/01/a", "2027/01/01/a"]


def test_an_entry_of_another_day_that_reaches_into_the_window_is_found(ledger):
    name = appended(ledger, entry(USUAL.start - 10, USUAL.start + 7 * DAY))
    assert ledger.overlapping(USUAL) == [name]


def test_a_file_is_never_replaced(store, path):
    store.create("2026/11/30/x", b"one")
    store.create("2026/11/30/x", b"one")
    with pytest.raises(LedgerError, match=r"2026/11/30/x could not be created: it exists with other content"):
        store.create("2026/11/30/x", b"two")
    assert store.read("2026/11/30/x") == b"one"
    assert files(path) == ["2026/11/30/x"]


def test_a_file_and_each_new_folder_are_synced_before_it_counts(store, path, monkeypatch):
    synced, real = [], os.fsync

    def fsync(descriptor):
        real(descriptor)
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.append((kind, os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), path) if kind == "folder" else "", len(listed())))

    def listed():
        return list(store.names("2026", "2027"))

    monkeypatch.setattr(os, "fsync", fsync)
    store.create("2026/11/30/x", b"one")
    folders = [("folder", "..", 0), ("folder", ".", 0), ("folder", "2026", 0), ("folder", "2026/11", 0)]
    assert synced == [*folders, ("file", "", 0), ("folder", "2026/11/30", 1)]


def test_a_full_disk_is_an_error_and_leaves_no_file(ledger, store, path):
    store.create("2026/11/30/x", b"one")
    with full_disk(), pytest.raises(LedgerError, match=r"0001-poll could not be created: File too large\.") as caught:
        appended(ledger, ENTRY)
    assert caught.value.do == (
        "Free space on its disk, or move the state, its ledger and its seals to another disk and change STATE_FILE. What is stored stays."
    )
    assert files(path) == ["2026/11/30/x"]


def test_a_missing_folder_is_an_error_with_a_remedy(tmp_path):
    store = DirectoryEntryStore(tmp_path / "nowhere" / "state.ledger")
    assert store.read("2026/11/30/x") is None
    assert list(store.names("2026", "2027")) == []
    with pytest.raises(LedgerError, match="could not be created: No such file or directory") as caught:
        store.create("2026/11/30/x", b"")
    assert "STATE_FILE" in caught.value.do
    assert not (tmp_path / "nowhere").exists()


def test_a_file_in_place_of_the_folder_is_an_error(store, path):
    path.write_text("x")
    for call in (lambda: store.create("2026/11/30/x", b""), lambda: store.read("2026/11/30/x"), store.try_write):
        with pytest.raises(LedgerError, match=r"Not a directory|File exists"):
            call()


def hostile_files(folder):
    """Puts what is no entry beside the entries, under names that entries could have."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {kind: folder / TEXT.rpartition("/")[2].replace("0001", f"000{number}") for number, kind in enumerate(KINDS, 2)}
    made["folder"].mkdir()
    made["link to a folder"].symlink_to("/proc")
    made["link"].symlink_to("/etc/hostname")
    made["loop"].symlink_to(made["loop"])
    os.mkfifo(made["pipe"])
    with made["large"].open("wb") as large:
        large.truncate(1 << 30)
    (folder / "a\nb").write_text("x")
    (folder / "\udcff").write_text("x")
    (folder / ".new-left").write_text("x")
    return made


KINDS = ("folder", "link to a folder", "link", "loop", "pipe", "large")


def test_anything_else_in_the_folder_is_skipped(ledger, path, tmp_path):
    name = appended(ledger, ENTRY)
    hostile_files(path / "2026/11/30")
    for odd in ("2026/11/3", "2026/11/3x", "2026/1/30", "x", "2026/11/٣٠"):
        (path / odd).mkdir(parents=True, exist_ok=True)
        (path / odd / name.text().rpartition("/")[2]).write_text("x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "20261201T0000Z-20261130T0600Z-29401234-ab12cd34ef56-0009-poll").write_text("x")
    (path / "2026/12").mkdir()
    (path / "2026/12/01").symlink_to(tmp_path / "elsewhere")
    (path / "2026/11/29").symlink_to("/proc")
    (path / "2026/11/28").write_text("x")
    os.mkfifo(path / "2026/13")
    found = ledger.overlapping(USUAL)
    assert [one.number for one in found] == [1, 7]  # the large file is listed: it has the name of an entry


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("folder", "it is not a regular file"),
        ("link to a folder", "Too many levels of symbolic links"),
        ("link", "Too many levels of symbolic links"),
        ("loop", "Too many levels of symbolic links"),
        ("pipe", "it is not a regular file"),
        ("large", "it has 1,073,741,824 bytes; the maximum is 268,435,456"),
    ],
)
def test_what_is_not_an_entry_is_neither_read_nor_replaced(store, path, kind, why):
    made = hostile_files(path / "2026/11/30")
    name = str(made[kind].relative_to(path))
    open_files = len(os.listdir("/proc/self/fd"))
    with pytest.raises(LedgerError, match=f"could not be read: {why}"):
        store.read(name)
    with pytest.raises(LedgerError, match=f"could not be read: {why}"):
        store.create(name, b"x")
    assert len(os.listdir("/proc/self/fd")) == open_files


def test_pruning_removes_old_files_of_old_days(ledger, path):
    kept = appended(ledger, ENTRY)
    old = [appended(ledger, entry(USUAL.start - days * DAY, USUAL.end - days * DAY)) for days in (1, 2, 40)]
    (path / "2026/11/29/.new-left").write_text("x")
    for found in path.rglob("*"):
        os.utime(found, (0, (USUAL.start - DAY) * 60))
    new = appended(ledger, entry(USUAL.start - 41 * DAY, USUAL.end - 41 * DAY))
    os.utime(path / new.text(), (0, USUAL.end * 60))
    ledger.prune(USUAL.start)
    assert files(path) == [new.text(), kept.text()]
    assert ledger.read(old[0]) is None
    assert sorted(str(folder.relative_to(path)) for folder in path.rglob("*") if folder.is_dir()) == [
        "2026", "2026/10", "2026/10/20", "2026/11", "2026/11/30",
    ]


def test_pruning_leaves_folders_and_what_links_point_to(ledger, path, tmp_path):
    (tmp_path / "other").write_text("x")
    made = hostile_files(path / "2026/10/01")
    (path / "2026/10/01/other").symlink_to(tmp_path / "other")
    for found in (path / "2026/10/01").iterdir():
        os.utime(found, (0, 0), follow_symlinks=False)
    ledger.prune(USUAL.start)
    assert list((path / "2026/10/01").iterdir()) == [made["folder"]]
    assert (tmp_path / "other").read_text() == "x"


def test_a_linked_ledger_is_used(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "state.ledger").symlink_to(tmp_path / "disk")
    Ledger(DirectoryEntryStore(tmp_path / "state.ledger")).append(ENTRY)
    assert files(tmp_path / "disk") == [TEXT]


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP])
def test_a_file_system_without_hard_links_is_named(store, monkeypatch, code):
    def refused(source, target):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refused)
    with pytest.raises(LedgerError, match="could not be created: the file system does not support hard links") as caught:
        Ledger(store).append(ENTRY)
    assert "such as ext4 or xfs" in caught.value.do


def test_a_file_in_place_of_the_folder_is_not_an_empty_ledger(ledger, path):
    path.write_bytes(b"")
    with pytest.raises(LedgerError) as failed:
        ledger.overlapping(USUAL)
    assert str(failed.value) == (
        f"The ledger {path} could not be listed: Not a directory. Set STATE_FILE to a file in an existing, writable folder. The ledger and"
        " the seals are in folders beside it."
    )


def test_a_test_write_leaves_nothing_and_creates_no_folder(store, path):
    assert store.try_write()
    assert not path.exists()
    path.mkdir()
    assert store.try_write()
    assert files(path) == []
