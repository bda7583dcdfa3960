"""Zip archives, as a History Server hands out logs (/api/v1/applications/<id>/logs) and as people store them.

An archive comes from outside: names that lead out of it, encrypted members and bombs are refused. Nothing is written to
disk from here, but the names go into messages, tables and perhaps paths.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import SEEK_END, SEEK_SET, BufferedIOBase
from typing import IO, BinaryIO, cast

from .interface import DEFAULT_LIMITS, Limits

MOST_MEMBERS = 100_000
# zipfile reads an archive's directory in one go and believes its size, not its count: 200 bytes for each member.
_LARGEST_DIRECTORY_BYTES = 200 * MOST_MEMBERS
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1
_READ_BYTES = 1 << 20
# What zipfile raises on bytes that are no sound archive.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError, struct.error)


class ArchiveRefused(Exception):
    """The archive cannot be read, or must not be; the message says why."""


def members(raw: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[str, BinaryIO]]:
    """Open the files in a zip archive one after another, in the archive's order; folders are left out.

    Args:
        raw: The archive, which must be seekable.
        limits: Bounds on what the members hold, all together, measured against the archive's size.

    Yields:
        A member's name, with "/" between folders, and its bytes as a file for `open_stream`.

    Raises:
        ArchiveRefused: no sound zip archive, more than 100,000 members, an encrypted member, a symbolic link, or a name
            that is absolute or leads out of the archive; nothing has been yielded then.
        LimitExceeded: while a member is read, the members expand to more than `limits` allow.
        OSError: `raw` could not be read; or, while a member is read, its bytes are damaged.
    """
    archive_bytes = raw.seek(0, SEEK_END)
    raw.seek(0, SEEK_SET)
    try:
        archive = zipfile.ZipFile(cast(IO[bytes], _Opening(raw)))
    except _UNREADABLE as error:
        raise ArchiveRefused(f"the zip archive cannot be read: {error}") from error
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise ArchiveRefused(f"the zip archive has {len(infos):,} members, more than {MOST_MEMBERS:,}")
    for info in infos:
        _check(info)
    spent = _Spent(archive_bytes, limits)
    for info in infos:
        if not info.is_dir():
            try:
                member = archive.open(info)
            except _UNREADABLE as error:
                raise OSError(f"zip member {info.filename!r} is damaged: {error}") from error
            yield info.filename, cast(BinaryIO, _Member(info.filename, member, spent))


def _check(info: zipfile.ZipInfo) -> None:
    """Refuse a member by its entry in the directory."""
    path = info.filename.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        raise ArchiveRefused(f"the zip archive has a member with an absolute name: {info.filename!r}")
    if ".." in path.split("/"):
        raise ArchiveRefused(f"the zip archive has a member whose name leads out of it: {info.filename!r}")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ArchiveRefused(f"the zip archive has a symbolic link in it: {info.filename!r}")
    if info.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(f"the zip archive has an encrypted member: {info.filename!r}; unpack it with its password")


class _Opening(BufferedIOBase):
    """The archive as zipfile sees it, with a bound on a single read: the whole directory is one."""

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


class _Spent:
    """What has come out of the members of one archive so far."""

    def __init__(self, archive_bytes: int, limits: Limits) -> None:
        self._archive_bytes = archive_bytes
        self._limits = limits
        self._output = 0

    def add(self, size: int) -> None:
        self._output += size
        self._limits.check("the zip archive", self._output, self._archive_bytes)


class _Member(BufferedIOBase):
    """A member as a file whose damage is an OSError, like that of any file that cannot be read."""

    def __init__(self, name: str, member: IO[bytes], spent: _Spent) -> None:
        self._name = name
        self._member = member
        self._spent = spent

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        try:
            part = self._member.read(min(size, _READ_BYTES))
        except _UNREADABLE as error:
            raise OSError(f"zip member {self._name!r} is damaged: {error}") from error
        self._spent.add(len(part))
        return part
