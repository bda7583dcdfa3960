"""Zip archives come from outside."""

from __future__ import annotations

import io
import zipfile
from typing import BinaryIO, cast

import pytest

from afterglow.ingest import zip_archives
from afterglow.ingest.zip_archives import ArchiveRefused, entries, open_entry


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as writer:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            writer.writestr(info, data)
    return out.getvalue()


def test_entries_are_files_that_can_be_read() -> None:
    files = {"eventlog_v2_a/": b"", "eventlog_v2_a/events_1_a": b"one\n" * 999, "eventlog_v2_a/appstatus_a": b""}
    raw = io.BytesIO(archive(files))
    assert entries(raw) == [("eventlog_v2_a/events_1_a", 3996), ("eventlog_v2_a/appstatus_a", 0)]
    assert {name: open_entry(raw, name).read() for name, _ in entries(raw)} == {
        "eventlog_v2_a/events_1_a": b"one\n" * 999,
        "eventlog_v2_a/appstatus_a": b"",
    }
    assert open_entry(io.BytesIO(archive({"a": bytes(3_000_000)})), "a").read() == bytes(3_000_000)
    with pytest.raises(ArchiveRefused, match="no member"):
        open_entry(raw, "other")


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
        entries(io.BytesIO(archive({"fine": b"x", name: b"x"})))


def test_symbolic_links_and_encrypted_members_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as writer:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        writer.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveRefused, match="symbolic link"):
        entries(out)
    encrypted = bytearray(archive({"secret": b"x"}))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveRefused, match="encrypted"):
        entries(io.BytesIO(bytes(encrypted)))


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive({str(number): b"" for number in range(20)})
    monkeypatch.setattr(zip_archives, "MOST_MEMBERS", 19)
    with pytest.raises(ArchiveRefused, match="20 members"):
        entries(io.BytesIO(data))
    monkeypatch.setattr(zip_archives, "_LARGEST_DIRECTORY_BYTES", 500)
    with pytest.raises(ArchiveRefused, match="directory"):
        entries(io.BytesIO(data))


def test_a_member_that_expands_too_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archives, "_FLOOR_BYTES", 10 << 20)
    raw = io.BytesIO(archive({"zeros": bytes(100 << 20)}))
    seen = 0
    with pytest.raises(ArchiveRefused, match="--max-ratio"):
        member = open_entry(raw, "zeros", 100)
        while part := member.read(1 << 20):
            seen += len(part)
    assert seen < 20 << 20


def test_damage_is_a_refusal_or_an_oserror() -> None:
    data = archive({"a": bytes(range(256)) * 40, "b": b"text" * 99})
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x55
        try:
            raw = cast(BinaryIO, io.BytesIO(bytes(broken)))
            for name, _ in entries(raw):
                open_entry(raw, name).read()
        except (ArchiveRefused, OSError):
            continue
    with pytest.raises(ArchiveRefused):
        entries(io.BytesIO(b"PK\x03\x04"))
