"""/docs: one plain page that lists the endpoints. It loads no scripts, styles or fonts."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from string import Template

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

PAGE_TEMPLATE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>$title</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{white-space:nowrap}</style>
<h1>$title</h1><p>Version $version. The machine-readable description is <a href="openapi.json">openapi.json</a>.</p>
<table>$rows</table></html>
"""
)


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    app.state.endpoints = _summaries(routers)

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_render(app), headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline'"})


def list_endpoints(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, path and summary of each documented endpoint, in order. Faster than making the OpenAPI document."""
    listed: list[tuple[str, str, str]] = app.state.endpoints
    return listed


def _summaries(routers: Iterable[APIRouter]) -> list[tuple[str, str, str]]:
    routes = (route for router in routers for route in router.routes if isinstance(route, APIRoute))
    return [
        (method, route.path, route.summary or route.name.replace("_", " ").title())
        for route in routes
        if route.include_in_schema
        for method in sorted(route.methods or ())
    ]


def _render(app: FastAPI) -> str:
    rows = (
        f"<tr><td><code>{escape(method)}</code><td><code>{escape(path)}</code><td>{escape(summary)}"
        for method, path, summary in list_endpoints(app)
    )
    return PAGE_TEMPLATE.substitute(title=escape(app.title), version=escape(app.version), rows="\n".join(rows))
