"""Requests of tests whose timeout only ends a test that hangs: a busy machine answers late."""

from __future__ import annotations

from typing import Any

import httpx

PATIENCE_S = 60.0


def get(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.get(url, timeout=PATIENCE_S, **options)


def post(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.post(url, timeout=PATIENCE_S, **options)


def patch(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.patch(url, timeout=PATIENCE_S, **options)


def delete(url: httpx.URL | str, **options: Any) -> httpx.Response:
    return httpx.delete(url, timeout=PATIENCE_S, **options)
