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
from io import SEEK_SET, BufferedIOBase
from typing import IO, BinaryIO, cast

from ..errors import InputError

MOST_MEMBERS = 100_000
# zipfile reads an archive's directory in one go and believes its size, not its count: 200 bytes for each member.
_LARGEST_DIRECTORY_BYTES = 200 * MOST_MEMBERS
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCRYPTED = 0x1
_READ_BYTES = 1 << 20
# Below this the ratio is not looked at.
_FLOOR_BYTES = 64 * 2**20
# What zipfile raises on bytes that are no sound archive.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError, struct.error)


class ArchiveRefused(InputError):
    """The archive cannot be read, or must not be; the message says why."""


def entries(raw: BinaryIO) -> list[tuple[str, int]]:
    """Name (with "/" between folders) and size of every file in a zip archive, in the archive's order.

    Raises:
        ArchiveRefused: no sound zip archive, more than 100,000 members, an encrypted member, a symbolic link, or a name
            that is absolute or leads out of the archive.
        OSError: `raw` could not be read.
    """
    infos = _archive(raw).infolist()
    if len(infos) > MOST_MEMBERS:
        raise ArchiveRefused(f"the zip archive has {len(infos):,} members, more than {MOST_MEMBERS:,}")
    for info in infos:
        _check(info)
    return [(info.filename, info.file_size) for info in infos if not info.is_dir()]


def open_entry(raw: BinaryIO, name: str, max_ratio: int = 1000) -> BinaryIO:
    """One file of an archive, for reading from its beginning to its end.

    Raises:
        ArchiveRefused: as `entries`; there is no such member; or, while it is read, it expands to more than `max_ratio`
            times its stored size.
        OSError: while it is read, its bytes are damaged.
    """
    archive = _archive(raw)
    try:
        info = archive.getinfo(name)
        _check(info)
        return cast(BinaryIO, _Member(name, archive.open(info), info.compress_size, max_ratio))
    except KeyError as error:
        raise ArchiveRefused(f"the zip archive has no member {name!r}") from error
    except _UNREADABLE as error:
        raise OSError(f"zip member {name!r} is damaged: {error}") from error


def _archive(raw: BinaryIO) -> zipfile.ZipFile:
    raw.seek(0, SEEK_SET)
    try:
        return zipfile.ZipFile(cast(IO[bytes], _Opening(raw)))
    except _UNREADABLE as error:
        raise ArchiveRefused(f"the zip archive cannot be read: {error}") from error


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


class _Member(BufferedIOBase):
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
