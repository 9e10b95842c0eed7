"""Requests of tests whose timeout only ends a test that hangs: a busy machine answers late."""

from __future__ import annotations

from typing import Any

import httpx

from tower.addresses import tls_context

PATIENCE_S = 60.0


def get(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.get(url, timeout=PATIENCE_S, verify=tls_context(), **options)


def post(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.post(url, timeout=PATIENCE_S, verify=tls_context(), **options)


def patch(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.patch(url, timeout=PATIENCE_S, verify=tls_context(), **options)


def delete(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.delete(url, timeout=PATIENCE_S, verify=tls_context(), **options)
