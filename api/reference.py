"""/docs: one plain page made from the service's own OpenAPI. It loads nothing, from nowhere."""

from __future__ import annotations

from html import escape
from string import Template

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

PAGE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>$title</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{white-space:nowrap}</style>
<h1>$title</h1><p>Version $version. Everything in machine-readable form: <a href="openapi.json">openapi.json</a>.</p>
<table>$rows</table></html>
"""
)


def install(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_page(app), headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline'"})


def endpoints(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, path and summary of each documented endpoint, in order."""
    return [
        (method.upper(), path, operation["summary"])
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def _page(app: FastAPI) -> str:
    rows = (
        f"<tr><td><code>{escape(method)}</code><td><code>{escape(path)}</code><td>{escape(summary)}"
        for method, path, summary in endpoints(app)
    )
    return PAGE.substitute(title=escape(app.title), version=escape(app.version), rows="\n".join(rows))
