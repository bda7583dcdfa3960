"""Zip archives, as a History Server sends logs (/api/v1/applications/<id>/logs) and as people store them.

An archive is untrusted input: names that lead out of it, encrypted members and decompression bombs are refused. Nothing
is written under a member's name, but the names are used in messages and tables. Archives in archives are opened too.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import tempfile
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedIOBase
from typing import IO, BinaryIO, cast

from .errors import InputError

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
"""A local file header, and the end record that an empty archive begins with."""
MOST_MEMBERS = 100_000
MOST_NESTED = 3
# zipfile reads an archive's directory in one read of the size that the archive states: 200 bytes for each member.
_LARGEST_DIRECTORY_BYTES = 200 * MOST_MEMBERS
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1
_READ_BYTES = 1 << 20
# Below this the ratio is not checked.
_FLOOR_BYTES = 64 * 2**20
_CACHED = 4
# Exceptions of zipfile on bytes that are not a valid archive.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError, struct.error)


class ArchiveRefused(InputError):
    """The archive cannot be read, or must not be. The message says why."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of an archive: its entry, and the archive inside it if it is one."""

    info: zipfile.ZipInfo
    inside: _Archive | None = None


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive's directory: its files by a name that is unique. `file` holds the bytes of a nested archive."""

    members: Mapping[str, _Member]
    file: _SharedFile | None = None


def entries(raw: BinaryIO, key: Hashable = None, max_ratio: int = 1000) -> list[tuple[str, int]]:
    """Name (with "/" between folders) and size of every file in a zip archive, in the archive's order.

    A file in a nested archive is `inner.zip!name`. The second member of a name is `name#2`. With a `key`, which
    identifies the archive's bytes, the directory is kept for `open_entry`.

    Raises:
        ArchiveRefused: no sound zip archive, more than 100,000 members, an encrypted member, a symbolic link, or a name
            that is absolute or leads out of the archive.
        OSError: `raw` could not be read.
    """
    return list(_listed(_known(raw, key, max_ratio)))


def open_entry(raw: BinaryIO, name: str, max_ratio: int = 1000, key: Hashable = None) -> BinaryIO:
    """One file of an archive by the name that `entries` gives it, for reading from its beginning to its end.

    Raises:
        ArchiveRefused: as `entries`; there is no such member; or, while it is read, it expands to more than `max_ratio`
            times its stored size.
        OSError: while it is read, its bytes are damaged.
    """
    archive = _known(raw, key, max_ratio)
    outer, mark, inner = name.partition("!")
    while name not in archive.members and mark:
        member = archive.members.get(outer)
        if member is not None and member.inside is not None and member.inside.file is not None:
            archive, raw, name = member.inside, cast(BinaryIO, member.inside.file.view()), inner
            outer, mark, inner = name.partition("!")
        else:
            part, mark, inner = inner.partition("!")
            outer = f"{outer}!{part}"
    if name not in archive.members:
        raise ArchiveRefused(f"the zip archive has no member {name!r}")
    return _open_member(raw, archive, name, max_ratio)


def _open_member(raw: BinaryIO, archive: _Archive, name: str, max_ratio: int) -> BinaryIO:
    info = archive.members[name].info
    try:
        opened = _ZipFile(raw).open(info)
    except _UNREADABLE as error:
        raise OSError(f"zip member {name!r} is damaged: {error}") from error
    return cast(BinaryIO, _MemberFile(name, opened, info.compress_size, max_ratio))


_cache: OrderedDict[Hashable, _Archive] = OrderedDict()
_cache_lock = threading.Lock()


def _known(raw: BinaryIO, key: Hashable, max_ratio: int) -> _Archive:
    """The archive's directory, read once for a `key`: a directory of 100,000 members takes seconds."""
    if key is None:
        return _read_archive(raw, max_ratio)
    key = (os.getpid(), key, raw.seek(0, SEEK_END))
    with _cache_lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    archive = _read_archive(raw, max_ratio)
    with _cache_lock:
        _cache[key] = archive
        while len(_cache) > _CACHED:
            _cache.popitem(last=False)
    return archive


def _listed(archive: _Archive, prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, member in archive.members.items():
        if member.inside is None:
            yield prefix + name, member.info.file_size
        else:
            yield from _listed(member.inside, f"{prefix}{name}!")


def _read_archive(raw: BinaryIO, max_ratio: int, depth: int = 1, file: _SharedFile | None = None) -> _Archive:
    infos = _open_archive(raw).infolist()
    if len(infos) > MOST_MEMBERS:
        raise ArchiveRefused(f"the zip archive has {len(infos):,} members, more than {MOST_MEMBERS:,}")
    files: dict[str, zipfile.ZipInfo] = {}
    repeated: dict[str, int] = {}
    for info in infos:
        _check(info)
        name = info.filename
        while name in files:
            repeated[info.filename] = repeated.get(info.filename, 1) + 1
            name = f"{info.filename}#{repeated[info.filename]}"
        if not info.is_dir():
            files[name] = info
    plain = _Archive({name: _Member(info) for name, info in files.items()}, file)
    if depth == MOST_NESTED:
        return plain
    nested = (name for name in files if name.lower().endswith(".zip"))
    inside = {name: _nested(raw, plain, name, max_ratio, depth) for name in nested}
    return _Archive({name: _Member(info, inside.get(name)) for name, info in files.items()}, file)


def _nested(raw: BinaryIO, archive: _Archive, name: str, max_ratio: int, depth: int) -> _Archive | None:
    """The archive in a member; None if it cannot be read. Reading the member then reports the reason."""
    try:
        with _open_member(raw, archive, name, max_ratio) as member:
            copied = _SharedFile(member)
        return _read_archive(cast(BinaryIO, copied.view()), max_ratio, depth + 1, copied)
    except (ArchiveRefused, OSError):
        return None


def spooled(raw: BinaryIO) -> BinaryIO:
    """A file that can only be read forward, copied into a temporary one that can be read anywhere."""
    return cast(BinaryIO, _SharedFile(raw).view())


def _open_archive(raw: BinaryIO) -> zipfile.ZipFile:
    raw.seek(0, SEEK_SET)
    try:
        return zipfile.ZipFile(cast(IO[bytes], _Opening(raw)))
    except _UNREADABLE as error:
        raise ArchiveRefused(f"the zip archive cannot be read: {error}") from error


def _check(info: zipfile.ZipInfo) -> None:
    """Refuses a member by its entry in the directory."""
    path = info.filename.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        raise ArchiveRefused(f"the zip archive has a member with an absolute name: {info.filename!r}")
    if ".." in path.split("/"):
        raise ArchiveRefused(f"the zip archive has a member whose name leads out of it: {info.filename!r}")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ArchiveRefused(f"the zip archive has a symbolic link in it: {info.filename!r}")
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(f"the zip archive has an encrypted member: {info.filename!r}; unpack it with its password")


class _ZipFile(zipfile.ZipFile):
    """An archive whose directory is known already. (Without this hook of zipfile's, it would only be read again.)"""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__(cast(IO[bytes], _Opening(raw)))

    def _RealGetContents(self) -> None:
        self.start_dir = 0


class _Opening(BufferedIOBase):
    """The archive as zipfile sees it, with a bound on a single read: zipfile reads the whole directory in one."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self._raw.read(_LARGEST_DIRECTORY_BYTES)
        if size > _LARGEST_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its directory is larger than {MOST_MEMBERS:,} members need")
        return self._raw.read(size)


class _SharedFile:
    """Bytes in a temporary file without a name. Any number of views can read it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._lock = threading.Lock()
        self.size = 0
        while part := source.read(_READ_BYTES):
            self.size += self._file.write(part)
        self._file.flush()

    def read_at(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset` on. A forked process shares the file's position, so it is not used."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), size, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def view(self) -> BufferedIOBase:
        """A file over the same bytes, with a position of its own."""
        return _View(self)


class _View(BufferedIOBase):
    def __init__(self, shared: _SharedFile) -> None:
        self._shared = shared
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        self._at = max(0, offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._shared.size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._shared.size if size is None or size < 0 else size
        part = self._shared.read_at(wanted, self._at)
        self._at += len(part)
        return part


class _MemberFile(BufferedIOBase):
    """A member as a file whose damage is an OSError, like that of any file that cannot be read."""

    def __init__(self, name: str, member: IO[bytes], stored_bytes: int, max_ratio: int) -> None:
        self._name = name
        self._member = member
        self._allowed = max(_FLOOR_BYTES, stored_bytes * max_ratio)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        try:
            part = self._member.read(min(size, _READ_BYTES))
        except _UNREADABLE as error:
            raise OSError(f"zip member {self._name!r} is damaged: {error}") from error
        self._allowed -= len(part)
        if self._allowed < 0:
            raise ArchiveRefused(
                f"zip member {self._name!r} expands too much and may be a decompression bomb; "
                "if it is not, raise --max-ratio"
            )
        return part

    def close(self) -> None:
        self._member.close()
        super().close()
