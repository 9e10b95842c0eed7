"""Signatures in the manner of Standard Webhooks, which receivers can check with its libraries.

The text that is signed is the id of the message, the time in whole seconds, and the body, with points between them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


def make_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(keys: Sequence[str], message_id: str, timestamp_s: int, body: str) -> dict[str, str]:
    """The headers of one try, with a signature by each secret. Raises ValueError for a secret that is no base64."""
    content = f"{message_id}.{timestamp_s}.{body}".encode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(_sign(key, content) for key in keys),
    }


def _sign(secret: str, content: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not in base64") from error
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"
