from dataclasses import replace

from afterglow.schemas.identity import ApplicationIdentity

ONE = ApplicationIdentity("local-1", "1", 1_700_000_000_000, "job one")


def test_applications_of_one_id_differ_by_attempt_start_time_and_name() -> None:
    others = [replace(ONE, attempt="2"), replace(ONE, start_time_ms=1_700_000_000_007), replace(ONE, name="job two")]
    assert len({ONE, *others}) == len({one.digest for one in (ONE, *others)}) == 4


def test_a_digest_is_the_same_in_every_process() -> None:
    assert ONE.digest == "db89c65e5030e761b3e89e0ed13bc9d9"
    assert replace(ONE).digest == ONE.digest


def test_fields_do_not_run_into_each_other() -> None:
    assert ApplicationIdentity("a", "b").digest != ApplicationIdentity("ab").digest
    assert ApplicationIdentity("a", None).digest != ApplicationIdentity("a", "null").digest


def test_text_that_is_no_utf8_has_a_digest() -> None:
    assert len(ApplicationIdentity("a", name="\ud800").digest) == 32


def test_identity_of_a_row() -> None:
    row = {"app_id": "local-1", "app_attempt": "1", "start_time_ms": 1_700_000_000_000, "name": "job one", "user": "u"}
    assert ApplicationIdentity.from_row(row) == ONE
