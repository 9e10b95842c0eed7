"""API keys are shown once and work until they are revoked or expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.models.keys import ApiKey, Scope
from tower import api_keys
from tower.api_keys import Caller, NewKey
from tower.errors import ConflictError, InvalidError, NotFoundError, StackError, UnauthorizedError
from tower.settings import Settings


@pytest.fixture
def new_key(session: Session) -> NewKey:
    return api_keys.create_key(session, "laptop", [Scope.WRITE])


def test_a_key_identifies_its_owner(session: Session, new_key: NewKey) -> None:
    assert api_keys.authenticate(session, new_key.token) == Caller(new_key.key.id, "laptop", (Scope.WRITE,))


def test_the_secret_is_stored_in_no_table(session: Session, new_key: NewKey) -> None:
    session.flush()
    row = session.execute(text("select api_keys::text from public.api_keys")).scalar_one()
    secret = new_key.token.rpartition(new_key.key.prefix)[2]
    assert len(secret) == 44
    assert secret not in row


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ([Scope.READ], [Scope.READ]),
        ([Scope.WRITE], [Scope.READ, Scope.WRITE]),
        ([Scope.ADMIN], [Scope.READ, Scope.WRITE, Scope.ADMIN]),
        ([Scope.READ, Scope.ADMIN], [Scope.READ, Scope.WRITE, Scope.ADMIN]),
    ],
)
def test_each_scope_includes_the_lower_ones(scopes: list[Scope], allowed: list[Scope]) -> None:
    caller = Caller(1, "x", tuple(scopes))
    assert [scope for scope in Scope if caller.has_scope(scope)] == allowed


def test_another_secret_with_the_same_prefix_is_refused(session: Session, new_key: NewKey) -> None:
    last = new_key.token[-1]
    for wrong in (
        new_key.token[:-1] + ("a" if last != "a" else "b"),
        new_key.token[:-1],
        new_key.token + "a",
        "",
        "tower_",
        "é",
    ):
        with pytest.raises(UnauthorizedError, match="no API key of this Tower"):
            api_keys.authenticate(session, wrong)


def test_a_revoked_key_is_refused_and_its_name_is_free_again(session: Session, new_key: NewKey) -> None:
    assert api_keys.revoke_key(session, "laptop").revoked_at is not None
    with pytest.raises(UnauthorizedError, match="laptop was revoked"):
        api_keys.authenticate(session, new_key.token)
    second_key = api_keys.create_key(session, "laptop", [Scope.READ])
    assert api_keys.authenticate(session, second_key.token).key_id == second_key.key.id
    assert [key.name for key in api_keys.list_keys(session)] == ["laptop", "laptop"]


def test_a_key_can_be_revoked_once_by_its_prefix(session: Session, new_key: NewKey) -> None:
    assert api_keys.revoke_key(session, new_key.key.prefix).name == "laptop"
    with pytest.raises(NotFoundError, match="tower key list"):
        api_keys.revoke_key(session, "laptop")


def test_an_expired_key_is_refused(session: Session) -> None:
    new_key = api_keys.create_key(session, "guest", [Scope.READ], valid_for=timedelta(days=1))
    assert api_keys.authenticate(session, new_key.token).name == "guest"
    new_key.key.expires_at = datetime.now(UTC)
    with pytest.raises(UnauthorizedError, match="guest has expired"):
        api_keys.authenticate(session, new_key.token)


def test_two_active_keys_have_different_names(session: Session, new_key: NewKey) -> None:
    with pytest.raises(ConflictError, match="called laptop already"):
        api_keys.create_key(session, "laptop", [Scope.READ])
    assert api_keys.authenticate(session, new_key.token).name == "laptop"


def test_a_key_is_found_and_taken_in_any_spelling(session: Session) -> None:
    api_keys.create_key(session, "Éva", [Scope.READ])
    with pytest.raises(ConflictError, match="called Éva already"):
        api_keys.create_key(session, "E\u0301VA", [Scope.READ])
    assert api_keys.revoke_key(session, "e\u0301va").name == "Éva"


@pytest.mark.parametrize("name", ["", "\u200b", "x" * 101, "two\nlines", "nu\0l"])
def test_invalid_names_are_refused(session: Session, name: str) -> None:
    with pytest.raises(InvalidError, match="Invalid name"):
        api_keys.create_key(session, name, [Scope.READ])


def test_use_is_recorded_at_most_once_per_minute(session: Session, new_key: NewKey) -> None:
    def used_again_after(seconds: float) -> bool:
        new_key.key.last_used_at = used_at = datetime.now(UTC) - timedelta(seconds=seconds)
        api_keys.authenticate(session, new_key.token)
        return new_key.key.last_used_at != used_at

    api_keys.authenticate(session, new_key.token)
    assert new_key.key.last_used_at is not None
    assert not used_again_after(55)
    assert used_again_after(65)


def test_startup_fails_without_a_key_if_keys_are_required(session: Session, database_url: str) -> None:
    api_keys.require_usable_key(Settings(database_url=database_url))
    for options, why in (({"require_keys": True}, "TOWER_REQUIRE_KEYS"), ({"host": "0.0.0.0"}, "TOWER_HOST=0.0.0.0")):
        with pytest.raises(StackError, match=f"{why}.*tower key create"):
            api_keys.require_usable_key(Settings.model_validate({"database_url": database_url, **options}))


def test_an_unreachable_database_is_reported_in_one_sentence() -> None:
    unreachable = Settings(database_url="postgresql://x@127.0.0.1:1/x", require_keys=True)
    with pytest.raises(StackError, match="cannot be read from the database") as caught:
        api_keys.require_usable_key(unreachable)
    assert "\n" not in caught.value.message


def test_the_table_refuses_unknown_scopes(session: Session, new_key: NewKey) -> None:
    new_key.key.scopes = ["root"]
    with pytest.raises(IntegrityError, match="ck_api_keys_scopes"):
        session.flush()


def test_a_key_without_scopes_is_refused(session: Session) -> None:
    session.add(ApiKey(name="x", prefix="y", sha256="0" * 64, scopes=[]))
    with pytest.raises(IntegrityError, match="ck_api_keys_scopes"):
        session.flush()
