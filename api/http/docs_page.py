"""/docs: every operation by its tag, with its text and examples, to be tried from the browser.

It is Swagger UI from the wheel `fastapi-offline`, so the page needs no other host. Page, script and OpenAPI document
are readable without a key, because a browser cannot send one while it opens a page. The calls of the page need one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from importlib.metadata import distribution
from pathlib import Path
from string import Template

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.routing import APIRoute

PATH = "/docs"
SCRIPT_PATH, ASSET_PATHS = f"{PATH}/start.js", (f"{PATH}/swagger-ui-bundle.js", f"{PATH}/swagger-ui.css")
OPENAPI_PATH = "/openapi.json"
OPEN_PATHS = frozenset({PATH, SCRIPT_PATH, *ASSET_PATHS, OPENAPI_PATH})
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
ASSET_AGE_S = 3600  # a browser asks for an asset again after this time
SCRIPT_OPTIONS = {
    "url": "openapi.json",
    "dom_id": "#operations",
    "docExpansion": "none",
    "filter": True,
    "tryItOutEnabled": True,
    "displayRequestDuration": True,
    "defaultModelsExpandDepth": 0,
    "validatorUrl": None,
}
PAGE_TEMPLATE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css">
<style>body{margin:0;font:16px/1.5 system-ui,sans-serif}noscript{display:block;max-width:60rem;margin:2rem auto}
td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{white-space:nowrap}</style>
<div id="operations"></div>
<noscript><h1>$title</h1><p>Version $version. The
machine-readable description is <a href="openapi.json">openapi.json</a>.</p>
<table>$rows</table></noscript>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></html>
"""
)


def install(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    app.state.endpoints = _summaries(routers)
    cached = {"Cache-Control": f"max-age={ASSET_AGE_S}"}

    @app.get(PATH, include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_render(app), headers={"Content-Security-Policy": CONTENT_POLICY})

    @app.get(SCRIPT_PATH, include_in_schema=False)
    def start() -> Response:
        script = f"SwaggerUIBundle({json.dumps(SCRIPT_OPTIONS)})"
        return Response(script, media_type="text/javascript", headers=cached)

    for path in ASSET_PATHS:
        _install_asset(app, path, cached)


def list_endpoints(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, path and summary of each documented endpoint, in order. Faster than making the OpenAPI document."""
    listed: list[tuple[str, str, str]] = app.state.endpoints
    return listed


def _install_asset(app: FastAPI, path: str, headers: dict[str, str]) -> None:
    file = Path(str(distribution("fastapi-offline").locate_file("fastapi_offline/static"))) / Path(path).name

    @app.get(path, include_in_schema=False)
    def asset() -> FileResponse:
        return FileResponse(file, headers=headers)


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
