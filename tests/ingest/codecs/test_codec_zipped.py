"""Zip archives come from outside."""

from __future__ import annotations

import io
import zipfile
from typing import BinaryIO, cast

import pytest
from afterglow.ingest.codecs import ArchiveRefused, LimitExceeded, Limits, members, open_stream, zipped


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as writer:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            writer.writestr(info, data)
    return out.getvalue()


def test_members_are_files_for_open_stream() -> None:
    files = {"eventlog_v2_a/": b"", "eventlog_v2_a/events_1_a": b"one\n" * 999, "eventlog_v2_a/appstatus_a": b""}
    read = {}
    for name, member in members(io.BytesIO(archive(files))):
        _, items = open_stream(member)
        read[name] = b"".join(cast("list[bytes]", list(items)))
    assert read == {"eventlog_v2_a/events_1_a": b"one\n" * 999, "eventlog_v2_a/appstatus_a": b""}
    ((_, member),) = members(io.BytesIO(archive({"a": bytes(3_000_000)})))
    assert member.read() == bytes(3_000_000)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("C:/windows", "absolute"),
        ("c:evil", "absolute"),
        ("\\\\server\\share", "absolute"),
        ("../up", "leads out"),
        ("a/../../up", "leads out"),
        ("a\\..\\..\\up", "leads out"),
    ],
)
def test_names_that_lead_out_of_the_archive_are_refused(name: str, why: str) -> None:
    with pytest.raises(ArchiveRefused, match=why):
        next(members(io.BytesIO(archive({"fine": b"x", name: b"x"}))))


def test_symbolic_links_and_encrypted_members_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        writer.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveRefused, match="symbolic link"):
        next(members(out))
    encrypted = bytearray(archive({"secret": b"x"}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveRefused, match="encrypted"):
        next(members(io.BytesIO(bytes(encrypted))))


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive({str(number): b"" for number in range(20)})
    monkeypatch.setattr(zipped, "MOST_MEMBERS", 19)
    with pytest.raises(ArchiveRefused, match="20 members"):
        next(members(io.BytesIO(data)))
    monkeypatch.setattr(zipped, "_LARGEST_DIRECTORY_BYTES", 500)
    with pytest.raises(ArchiveRefused, match="directory"):
        next(members(io.BytesIO(data)))


def test_members_that_expand_too_far_are_refused_all_together() -> None:
    data = archive({str(number): bytes(1 << 20) for number in range(100)})
    limits = Limits(max_ratio=100, floor_bytes=10 << 20)
    seen = 0
    with pytest.raises(LimitExceeded, match="--max-ratio"):
        for _, member in members(io.BytesIO(data), limits):
            seen += len(member.read())
    assert seen < 20 << 20


def test_damage_is_a_refusal_or_an_oserror() -> None:
    data = archive({"a": bytes(range(256)) * 40, "b": b"text" * 99})
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x55
        try:
            for _, member in members(cast(BinaryIO, io.BytesIO(bytes(broken)))):
                member.read()
        except (ArchiveRefused, OSError):
            continue
    with pytest.raises(ArchiveRefused):
        next(members(io.BytesIO(b"PK\x03\x04")))
