"""API keys, which are shown once on creation and stored only as a hash.

The hash is a plain SHA-256, compared in constant time. Slow hashes (Argon2, bcrypt) protect passwords that people
invent, by making each guess expensive. These keys contain 256 random bits, which cannot be guessed even with the table,
and a slow hash would only slow down every request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.engine import open_engine
from db.models.keys import ApiKey, Scope
from tower.addresses import used_form
from tower.errors import ConflictError, InvalidError, NotFoundError, StackError, UnauthorizedError
from tower.errors.foreign import reason_of
from tower.names import NameIndex, clean_name, name_key
from tower.settings import Settings

TOKEN_PATTERN = re.compile(r"tower_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
USE_RECORD_INTERVAL = timedelta(minutes=1)
MAX_NAME_LENGTH = 100
SCOPES = tuple(Scope)  # each includes those before it


@dataclass(frozen=True)
class Caller:
    """The owner of the key of a request."""

    key_id: int
    name: str
    scopes: tuple[Scope, ...]

    def has_scope(self, required: Scope) -> bool:
        return any(SCOPES.index(scope) >= SCOPES.index(required) for scope in self.scopes)


@dataclass(frozen=True)
class NewKey:
    """A created key. `token` is the key itself, which cannot be read again."""

    key: ApiKey
    token: str


def create_key(session: Session, name: str, scopes: Iterable[Scope], *, valid_for: timedelta | None = None) -> NewKey:
    """Create a key, which does not expire without `valid_for`.

    Raises InvalidError for the name, ConflictError if a key in use has this name.
    """
    name = _parse_name(name)
    _check_name_free(session, name)
    token = f"tower_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        name=name, prefix=_prefix(token), sha256=hash_token(token), scopes=sorted(set(scopes), key=SCOPES.index)
    )
    key.expires_at = None if valid_for is None else datetime.now(UTC) + valid_for
    session.add(key)
    session.flush()
    return NewKey(key, token)


def list_keys(session: Session) -> Sequence[ApiKey]:
    """All keys, including revoked and expired ones, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke_key(session: Session, name: str) -> ApiKey:
    """Revoke the key with this name or prefix. Raises NotFoundError if no key in use has it."""
    in_use = session.scalars(select(ApiKey).where(ApiKey.revoked_at.is_(None)).order_by(ApiKey.id).with_for_update())
    keys = in_use.all()
    key = NameIndex((key.name, key) for key in keys).find(name)
    if key is None:
        key = next((key for key in keys if key.prefix == name), None)
    if key is None:
        raise NotFoundError(f"No key in use is called {name}: `tower key list` shows them")
    key.revoked_at = datetime.now(UTC)
    return key


def authenticate(session: Session, token: str) -> Caller:
    """Find the caller with this key and record its use.

    Raises UnauthorizedError if the key is unknown, expired or revoked.
    """
    now = datetime.now(UTC)
    key = session.scalars(select(ApiKey).where(ApiKey.prefix == _prefix(token))).first()
    if not hmac.compare_digest(hash_token(token), key.sha256 if key else hash_token("")) or key is None:
        raise UnauthorizedError("This is no API key of this Tower: make one with `tower key create`")
    if key.revoked_at is not None:
        raise UnauthorizedError(f"The API key {key.name} was revoked: make another with `tower key create`")
    if key.expires_at is not None and key.expires_at <= now:
        raise UnauthorizedError(f"The API key {key.name} has expired: make another with `tower key create`")
    if key.last_used_at is None or key.last_used_at + USE_RECORD_INTERVAL <= now:
        key.last_used_at = now
    return Caller(key.id, key.name, tuple(Scope(scope) for scope in key.scopes))


def require_usable_key(settings: Settings) -> None:
    """Raise StackError if the settings require keys and no usable one exists: every request would be refused."""
    if not settings.keys_required or settings.database_url is None:
        return
    engine = open_engine(used_form(settings.database_url), pool_size=1)
    try:
        with Session(engine) as session:
            has_key = _has_usable_key(session)
    except DBAPIError as error:
        reason = reason_of(error)
        raise StackError(f"The API keys cannot be read from the database, and they are required: {reason}") from error
    finally:
        engine.dispose()
    if not has_key:
        cause = "TOWER_REQUIRE_KEYS is set" if settings.require_keys else f"TOWER_HOST={settings.host} is not loopback"
        raise StackError(f"{cause}, and there is no API key: make one first with `tower key create NAME --scope admin`")


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _parse_name(name: str) -> str:
    try:
        cleaned = clean_name(name)
    except ValueError as refused:
        raise InvalidError.field("name", name, str(refused)) from None
    if len(cleaned) > MAX_NAME_LENGTH:
        raise InvalidError.field("name", name, f"1 to {MAX_NAME_LENGTH} characters")
    return cleaned


def _check_name_free(session: Session, name: str) -> None:
    """Raise ConflictError if a key in use has the name. Two callers with the name wait for each other."""
    key = name_key(name)
    session.execute(text("select pg_advisory_xact_lock(hashtext('api_keys.name'))"))
    for known in session.scalars(select(ApiKey.name).where(ApiKey.revoked_at.is_(None))):
        if name_key(known) == key:
            raise ConflictError(f"There is a key called {known} already: revoke it first, or use another name")


def _prefix(token: str) -> str:
    """The part of the token that identifies the key's row; empty if it is not a token."""
    match = TOKEN_PATTERN.fullmatch(token)
    return match[1] if match else ""


def _has_usable_key(session: Session) -> bool:
    usable = ApiKey.revoked_at.is_(None) & or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
    return session.scalar(select(ApiKey.id).where(usable).limit(1)) is not None
