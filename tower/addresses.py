"""The address of a server outside of Tower, which may contain a password that no page, log or error may show."""

from __future__ import annotations

import ssl
from base64 import b64encode
from functools import cache
from typing import Any, TypedDict
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

HIDDEN = "***"


class ClientOptions(TypedDict):
    """The options of an httpx client of one server."""

    base_url: str
    headers: dict[str, str]
    params: dict[str, str]
    verify: ssl.SSLContext


class Address(str):
    """An address as text that may be shown: without user, password and query. `used` is the address as it was given.

    A text is safe by default: a format string, a log, a row and JSON get the shown form.
    """

    _given: str
    _bearer_token: str | None

    def __new__(cls, given: str, *, bearer_token: str | None = None) -> Address:
        address = super().__new__(cls, _shown(used_form(given)))
        address._given = used_form(given)
        address._bearer_token = given._bearer_token if isinstance(given, Address) and not bearer_token else bearer_token
        return address

    @property
    def used(self) -> str:
        """The address with its secrets, to connect with."""
        return self._given

    def with_login(self, *, user: str | None, password: str | None, bearer_token: str | None) -> Address:
        """The address with these credentials instead of its own ones, as far as they are set."""
        given = self._given
        if user is not None or password is not None:
            scheme, separator, rest = given.partition("://")
            authority, slash, path = rest.partition("/")
            login = f"{quote(user or '', safe='')}:{quote(password or '', safe='')}"
            given = f"{scheme}{separator}{login}@{authority.rpartition('@')[2]}{slash}{path}"
        return Address(given, bearer_token=bearer_token or self._bearer_token)

    @property
    def base_url(self) -> str:
        """The address without its secrets and without a slash at its end."""
        return str(self).rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries the password or the token."""
        if self._bearer_token is not None:
            return {"Authorization": f"Bearer {self._bearer_token}"}
        parts = urlsplit(self._given)
        if parts.username is None and parts.password is None:
            return {}
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address, which go with every request."""
        return dict(parse_qsl(urlsplit(self._given).query))

    def client_options(self) -> ClientOptions:
        return {"base_url": self.base_url, "headers": self.headers, "params": self.query, "verify": tls_context()}

    def redact(self, text: str) -> str:
        """The text of another program, with the secrets of this address hidden."""
        parts = urlsplit(self._given)
        secrets = [self._given, self._bearer_token, parts.password, *self.query.values()]
        secrets += [unquote(parts.password)] if parts.password else []
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            text = text.replace(secret, HIDDEN) if secret != str(self) else text
        return text

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """JSON has the form to connect with, because the settings go to other processes as JSON values."""
        return core_schema.no_info_plain_validator_function(
            _validate, serialization=core_schema.plain_serializer_function_ser_schema(used_form, when_used="json")
        )


@cache
def tls_context() -> ssl.SSLContext:
    """The root certificates, read once for all clients of the process: they take longer than all else of a client."""
    import httpx  # here, because the supervisor needs no client

    return httpx.create_ssl_context(trust_env=False)


def used_form(url: str) -> str:
    """The form to connect with of an Address; any other text as it is."""
    return url.used if isinstance(url, Address) else url


def _shown(given: str) -> str:
    scheme, separator, rest = given.partition("://") if "://" in given else ("", "", given)
    for mark in "?#":
        rest = rest.partition(mark)[0]
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _validate(given: object) -> Address:
    """An Address stays as it is: pydantic's own schema of a text would keep only what is shown."""
    if not isinstance(given, str):
        raise PydanticCustomError("address", "expected an address such as http://host:8188")
    return Address(given)
