"""Objects that were downloaded from the bucket, or that are beside STATE_FILE: found in a folder, so that nothing but it is needed.

DIR/…/seals/REGION/YYYY/MM/DD/…, DIR/…/ledger/REGION/YYYY/MM/DD/…, DIR/…/REGION.state     as in the bucket
DIR/…/NAME.seals/YYYY/MM/DD/…, DIR/…/NAME.ledger/YYYY/MM/DD/…, DIR/…/NAME                 as beside STATE_FILE

The state is not required. The seals may be newer than the state: they are downloaded one after the other.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from epimetheus.errors import ExportError, LedgerError, SealDamaged
from epimetheus.files import read_bounded
from epimetheus.ledger.directory import DirectoryEntryStore
from epimetheus.ledger.seal import unpack
from epimetheus.ledger.seal_name import SealName
from epimetheus.stored_form import check_checksum
from epimetheus.verify.chain import ChainHead
from epimetheus.verify.stored_seals import ObjectReader
from epimetheus.verify.verify import RegionSource

_DEEPEST = 4
_STATE = b"EPIMETHEUS-STATE 2 "
_LARGEST_STATE = 16 << 20
_DO_STATE = "Download it again, or remove it from the folder: then nothing but the export vouches for the newest seal."
_DO_READ = "Allow your user to read the folder and all files in it, or download the records again."
_DO = "Download the objects with the prefixes seals/ and ledger/ of the bucket, with their names, and give the folder that has both."


def folder_sources(folder: Path) -> list[RegionSource]:
    """The regions whose seals are in ``folder``. Raises ExportError, LedgerError."""
    if not folder.is_dir():
        raise ExportError(f"The folder {folder} could not be read: it is not a folder.", do=_DO)
    found = sorted(_seal_folders(folder))
    sources = [source for seals in found for source in (_beside_state(seals) if seals.suffix == ".seals" else _of_bucket(seals))]
    if not sources:
        part = folder.resolve().name in ("seals", "ledger")
        raise ExportError(f"The folder {folder} has {'only a part of the records' if part else 'no seals'}.", do=_DO)
    regions = [source.region for source in sources]
    if twice := sorted({region for region in regions if regions.count(region) > 1}):
        raise ExportError(f"The folder {folder} has the seals of {', '.join(twice)} more than once.", do=_DO)
    return sources


def _seal_folders(folder: Path) -> Iterator[Path]:
    """The folders named ``seals`` or ``….seals``. Symbolic links are not followed."""
    for path, names, _ in os.walk(folder):
        here = Path(path)
        if len(here.relative_to(folder).parts) >= _DEEPEST:
            names.clear()
        seals = [name for name in names if name == "seals" or name.endswith(".seals")]
        yield from (here / name for name in seals)
        names[:] = [name for name in names if name not in seals]


class _Downloaded:
    """The seals or the entries in a folder. ``noun``: for errors, which are about a copy, not about a deployment."""

    def __init__(self, path: Path, noun: Literal["seal", "ledger entry"]) -> None:
        self._path, self._noun, self._store = path, noun, DirectoryEntryStore(path, noun)
        self.name = self._store.name

    def read(self, key: str) -> bytes | None:
        """See `ObjectReader`. Raises ExportError."""
        with self._errors_about_the_copy(f"{self._noun} {self._path / key}"):
            return self._store.read(key)

    def names(self, start: str, end: str) -> Iterator[str]:
        """See `ObjectReader`. Raises ExportError."""
        with self._errors_about_the_copy(f"folder {self._path}"):
            yield from self._store.names(start, end)

    @contextmanager
    def _errors_about_the_copy(self, what: str) -> Iterator[None]:
        try:
            yield
        except LedgerError as error:
            cause = error.__cause__
            if isinstance(cause, OSError):
                raise ExportError(f"The {what} could not be read: {cause.strerror}.", do=_DO_READ) from error
            raise ExportError(error.what, do=_DO_READ) from error


def _of_bucket(seals: Path) -> Iterator[RegionSource]:
    try:
        regions = sorted(entry.name for entry in os.scandir(seals) if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        raise ExportError(f"The folder {seals} could not be read: {error.strerror}.", do=_DO_READ) from error
    for region in regions:
        ledger = _Downloaded(seals.parent / "ledger" / region, "ledger entry")
        yield RegionSource(region, _Downloaded(seals / region, "seal"), ledger, _HeadOnce(seals.parent / f"{region}.state"))


def _beside_state(seals: Path) -> Iterator[RegionSource]:
    store = _Downloaded(seals, "seal")
    if region := _region_of(store):
        yield RegionSource(region, store, _Downloaded(seals.with_suffix(".ledger"), "ledger entry"), _HeadOnce(seals.with_suffix("")))


def _region_of(store: ObjectReader) -> str:
    """The region in the first seal that is not damaged; empty if there is none."""
    for name in store.names("", "9999/"):
        if SealName.parse(name) and (data := store.read(name)) is not None:
            with suppress(SealDamaged):
                return unpack(data, name).region
    return ""


class _StateSeals(msgspec.Struct, frozen=True):
    head: ChainHead | None = None


class _State(msgspec.Struct, frozen=True):
    """The part of a state that is used."""

    seals: _StateSeals = _StateSeals()


class _HeadOnce:
    """Reads the newest seal in the state ``path``, the first time; later, it is not known whether the state knows newer seals."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_read = path, False

    def __call__(self) -> ChainHead | None:
        if self._is_read or not self._path.is_file() or self._path.is_symlink():
            return None
        self._is_read = True
        try:
            text, _ = check_checksum(_STATE, read_bounded(self._path, _LARGEST_STATE), has_packed=False)
            return msgspec.json.decode(text, type=_State).seals.head
        except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
            raise ExportError(f"The state {self._path} could not be read: it is damaged.", do=_DO_STATE) from error
