"""API keys: shown once when they are made, known afterwards by their hash alone.

The hash is a plain SHA-256, compared in constant time. Slow hashes (Argon2, bcrypt) protect secrets that people think
up, by making each guess dear. These hold 256 random bits: there is nothing to guess, with or without the table, and a
slow hash would only make every request slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from db.engine import connect
from db.models.keys import ApiKey, Scope
from tower.errors import ConflictError, InvalidError, NotFoundError, StackError, UnauthorizedError
from tower.settings import Settings

TOKEN = re.compile(r"tower_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
USE_IS_NOTED_EVERY = timedelta(minutes=1)
LONGEST_NAME = 100
SCOPES = tuple(Scope)  # each allows what those before it allow


@dataclass(frozen=True)
class Caller:
    """Whose key a request showed."""

    key_id: int
    name: str
    scopes: tuple[Scope, ...]

    def may(self, wanted: Scope) -> bool:
        return any(SCOPES.index(scope) >= SCOPES.index(wanted) for scope in self.scopes)


@dataclass(frozen=True)
class NewKey:
    """`token` is the key itself: nobody can see it again."""

    key: ApiKey
    token: str


def create(session: Session, name: str, scopes: Iterable[Scope], *, lasts: timedelta | None = None) -> NewKey:
    """A new key; without `lasts` it does not expire. ConflictError if one in use has this name."""
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidError.field("name", name, f"1 to {LONGEST_NAME} printable characters")
    token = f"tower_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
    key = ApiKey(name=name, prefix=_prefix(token), sha256=digest(token), scopes=sorted(set(scopes), key=SCOPES.index))
    key.expires_at = None if lasts is None else datetime.now(UTC) + lasts
    try:
        with session.begin_nested():
            session.add(key)
    except IntegrityError as taken:
        raise ConflictError(f"There is a key called {name} already: revoke it first, or use another name") from taken
    return NewKey(key, token)


def list_keys(session: Session) -> Sequence[ApiKey]:
    """All that there ever were, the oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke(session: Session, name: str) -> ApiKey:
    """End the key of this name or prefix. NotFoundError if none in use has it."""
    named = or_(ApiKey.name == name, ApiKey.prefix == name)
    key = session.scalars(select(ApiKey).where(named, ApiKey.revoked_at.is_(None)).with_for_update()).first()
    if key is None:
        raise NotFoundError(f"No key in use is called {name}: `tower key list` shows them")
    key.revoked_at = datetime.now(UTC)
    return key


def check(session: Session, token: str) -> Caller:
    """Whose key this is; notes its use. UnauthorizedError if it is none, has expired or was revoked."""
    now = datetime.now(UTC)
    key = session.scalars(select(ApiKey).where(ApiKey.prefix == _prefix(token))).first()
    if not hmac.compare_digest(digest(token), key.sha256 if key else digest("")) or key is None:
        raise UnauthorizedError("This is no API key of this Tower: make one with `tower key create`")
    if key.revoked_at is not None:
        raise UnauthorizedError(f"The API key {key.name} was revoked: make another with `tower key create`")
    if key.expires_at is not None and key.expires_at <= now:
        raise UnauthorizedError(f"The API key {key.name} has expired: make another with `tower key create`")
    if key.last_used_at is None or key.last_used_at + USE_IS_NOTED_EVERY <= now:
        key.last_used_at = now
    return Caller(key.id, key.name, tuple(Scope(scope) for scope in key.scopes))


def require_for(settings: Settings) -> None:
    """StackError if the settings ask for keys and there is none that can be used, so that nobody could ask anything."""
    if not settings.keys_required or settings.database_url is None:
        return
    engine = connect(settings.database_url, pool_size=1)
    try:
        with Session(engine) as session:
            found = _any_usable(session)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise StackError(f"The database cannot be asked for API keys, and they are needed: {reason}") from error
    finally:
        engine.dispose()
    if not found:
        why = "TOWER_REQUIRE_KEYS is set" if settings.require_keys else f"TOWER_HOST={settings.host} is not loopback"
        raise StackError(f"{why}, and there is no API key: make one first with `tower key create NAME --scope admin`")


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _prefix(token: str) -> str:
    """What finds the key's row; empty for what is no key."""
    form = TOKEN.fullmatch(token)
    return form[1] if form else ""


def _any_usable(session: Session) -> bool:
    usable = ApiKey.revoked_at.is_(None) & or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
    return session.scalar(select(ApiKey.id).where(usable).limit(1)) is not None
