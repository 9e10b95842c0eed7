"""API keys: shown once, good until they are revoked or expire."""

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
def made(session: Session) -> NewKey:
    return api_keys.create_key(session, "laptop", [Scope.WRITE])


def test_a_key_says_whose_it_is(session: Session, made: NewKey) -> None:
    assert api_keys.authenticate(session, made.token) == Caller(made.key.id, "laptop", (Scope.WRITE,))


def test_the_key_itself_is_in_no_table(session: Session, made: NewKey) -> None:
    session.flush()
    row = session.execute(text("select api_keys::text from public.api_keys")).scalar_one()
    secret = made.token.rpartition(made.key.prefix)[2]
    assert len(secret) == 44
    assert secret not in row


@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        ([Scope.READ], [Scope.READ]),
        ([Scope.WRITE], [Scope.READ, Scope.WRITE]),
        ([Scope.ADMIN], [Scope.READ, Scope.WRITE, Scope.ADMIN]),
        ([Scope.READ, Scope.ADMIN], [Scope.READ, Scope.WRITE, Scope.ADMIN]),
    ],
)
def test_each_scope_allows_those_before_it(held: list[Scope], allowed: list[Scope]) -> None:
    caller = Caller(1, "x", tuple(held))
    assert [scope for scope in Scope if caller.has_scope(scope)] == allowed


def test_another_secret_behind_the_same_prefix_is_refused(session: Session, made: NewKey) -> None:
    last = made.token[-1]
    for wrong in (
        made.token[:-1] + ("a" if last != "a" else "b"),
        made.token[:-1],
        made.token + "a",
        "",
        "tower_",
        "é",
    ):
        with pytest.raises(UnauthorizedError, match="no API key of this Tower"):
            api_keys.authenticate(session, wrong)


def test_a_revoked_key_is_refused_and_its_name_is_free_again(session: Session, made: NewKey) -> None:
    assert api_keys.revoke_key(session, "laptop").revoked_at is not None
    with pytest.raises(UnauthorizedError, match="laptop was revoked"):
        api_keys.authenticate(session, made.token)
    again = api_keys.create_key(session, "laptop", [Scope.READ])
    assert api_keys.authenticate(session, again.token).key_id == again.key.id
    assert [key.name for key in api_keys.list_keys(session)] == ["laptop", "laptop"]


def test_a_key_is_revoked_by_its_prefix_too_and_only_once(session: Session, made: NewKey) -> None:
    assert api_keys.revoke_key(session, made.key.prefix).name == "laptop"
    with pytest.raises(NotFoundError, match="tower key list"):
        api_keys.revoke_key(session, "laptop")


def test_an_expired_key_is_refused(session: Session) -> None:
    made = api_keys.create_key(session, "guest", [Scope.READ], valid_for=timedelta(days=1))
    assert api_keys.authenticate(session, made.token).name == "guest"
    made.key.expires_at = datetime.now(UTC)
    with pytest.raises(UnauthorizedError, match="guest has expired"):
        api_keys.authenticate(session, made.token)


def test_two_keys_in_use_have_two_names(session: Session, made: NewKey) -> None:
    with pytest.raises(ConflictError, match="called laptop already"):
        api_keys.create_key(session, "laptop", [Scope.READ])
    assert api_keys.authenticate(session, made.token).name == "laptop"


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", "nul\0"])
def test_odd_names_are_refused(session: Session, name: str) -> None:
    with pytest.raises(InvalidError, match="printable"):
        api_keys.create_key(session, name, [Scope.READ])


def test_use_is_noted_at_most_once_a_minute(session: Session, made: NewKey) -> None:
    def used_again_after(seconds: float) -> bool:
        made.key.last_used_at = before = datetime.now(UTC) - timedelta(seconds=seconds)
        api_keys.authenticate(session, made.token)
        return made.key.last_used_at != before

    api_keys.authenticate(session, made.token)
    assert made.key.last_used_at is not None
    assert not used_again_after(55)
    assert used_again_after(65)


def test_nothing_starts_without_a_key_where_keys_are_needed(session: Session, database_url: str) -> None:
    api_keys.require_usable_key(Settings(database_url=database_url))
    for asked, why in (({"require_keys": True}, "TOWER_REQUIRE_KEYS"), ({"host": "0.0.0.0"}, "TOWER_HOST=0.0.0.0")):
        with pytest.raises(StackError, match=f"{why}.*tower key create"):
            api_keys.require_usable_key(Settings.model_validate({"database_url": database_url, **asked}))


def test_a_silent_database_is_one_sentence() -> None:
    nowhere = Settings(database_url="postgresql://x@127.0.0.1:1/x", require_keys=True)
    with pytest.raises(StackError, match="cannot be read from the database") as caught:
        api_keys.require_usable_key(nowhere)
    assert "\n" not in caught.value.message


def test_the_table_refuses_scopes_that_nobody_knows(session: Session, made: NewKey) -> None:
    made.key.scopes = ["root"]
    with pytest.raises(IntegrityError, match="ck_api_keys_scopes"):
        session.flush()


def test_a_key_without_scopes_is_none(session: Session) -> None:
    session.add(ApiKey(name="x", prefix="y", sha256="0" * 64, scopes=[]))
    with pytest.raises(IntegrityError, match="ck_api_keys_scopes"):
        session.flush()
