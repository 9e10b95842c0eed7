"""What may be set from outside, read once from the environment and handed on as an argument."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tower.plugins import ENGINES, REINSTALL, declared

HOST = "127.0.0.1"
AUTO = "auto"
ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
RATE = r"^(off|[1-9]\d{0,6}/(second|minute|hour))$"


@dataclass(frozen=True)
class Ports:
    """The documented ports, all shifted by one offset so that several stacks fit on one machine."""

    production: int
    episodes: int
    music: int
    echo: int
    prefect: int
    postgres: int

    @classmethod
    def shifted(cls, offset: int) -> Ports:
        return cls(
            production=8328 + offset,
            episodes=8323 + offset,
            music=8315 + offset,
            echo=8309 + offset,
            prefect=4200 + offset,
            postgres=5433 + offset,  # not 5432: a PostgreSQL of the machine's own often listens there
        )


class Settings(BaseSettings):
    """Every setting of Tower. Each field is the environment variable `TOWER_<FIELD>` unless it says otherwise."""

    model_config = SettingsConfigDict(env_prefix="TOWER_", extra="ignore", populate_by_name=True)

    data_dir: Path = Field(Path("data"), description="Holds media, renders, library, cache, logs, the database.")
    host: str = Field(
        HOST, min_length=1, description="The address that the APIs listen at. Off loopback they ask for keys."
    )
    port_offset: int = Field(0, ge=0, le=20_000, description="Added to every port.")
    database_url: str | None = Field(None, description="An external PostgreSQL; without it the embedded one starts.")
    prefect_api_url: str | None = Field(
        None,
        validation_alias=AliasChoices("PREFECT_API_URL", "prefect_api_url"),
        description="An external Prefect server; without it the embedded one starts.",
    )
    api_processes: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 2),
        ge=1,
        le=8,
        description="Processes that answer for the production API.",
    )
    gpu_slots: int = Field(1, ge=1, le=64, description="Renders at once by the gpu worker of this machine.")
    engine: str = Field(AUTO, description="auto: comfyui where one is configured; or the name of an installed engine.")
    comfyui_url: str | None = Field(None, description="The ComfyUI that this machine's gpu worker renders with.")
    ollama_url: str | None = Field(None, description="An Ollama server, which `tower doctor` checks.")
    jellyfin_url: str | None = Field(None, description="A Jellyfin server, which `tower doctor` checks.")
    models_dir: Path | None = Field(None, description="Model files, where no ComfyUI can be asked.")
    media_roots: Annotated[tuple[Path, ...], NoDecode] = Field((), description="Extra media folders, separated by ':'.")
    music_dirs: Annotated[tuple[Path, ...], NoDecode] = Field((), description="Music folders, separated by ':'.")
    music_moved: str = Field(
        "", description="Where folders of a Library.xml are here: /Users/kai/Music=/srv/music,C:/Music=/mnt/c."
    )
    beat_processes: int = Field(
        default_factory=lambda: 2 if (os.cpu_count() or 1) >= 4 else 1,  # each takes 44 MB and, at work, a core
        ge=1,
        le=32,
        description="Files of music that the music API listens to at once.",
    )
    apple_music_team_id: str | None = Field(
        None, pattern=r"^[A-Z0-9]{10}$", description="The team of an Apple Music developer key."
    )
    apple_music_key_id: str | None = Field(
        None, pattern=r"^[A-Z0-9]{10}$", description="The id of an Apple Music developer key."
    )
    apple_music_key_file: Path | None = Field(None, description="The .p8 of the key; without it no catalogue is asked.")
    apple_music_storefront: str = Field("us", pattern=r"^[a-z]{2}$", description="The country of the catalogue.")
    apple_music_url: str = Field("https://api.music.apple.com/v1", description="The address of the catalogue.")
    require_keys: bool = Field(False, description="Ask for API keys on loopback too.")
    api_key: str | None = Field(None, repr=False, description="The key that `tower` itself shows to the APIs.")
    cors_origins: str = Field("", description="Web origins that may ask the APIs from a browser, separated by commas.")
    rate_limit: str | None = Field(None, pattern=RATE, description="For each key or address: 1200/minute, or off.")
    worker: str | None = Field(None, description="Name of the worker whose run this is; its worker sets it.")
    job_timeout_s: float = Field(3600, gt=0, description="Longest time one attempt of a job may take.")
    archive_max_bytes: int = Field(64 * 2**30, ge=2**20, description="Largest archive that an import takes, unpacked.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least that is logged.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, JSON elsewhere.")

    @field_validator("engine")
    @classmethod
    def declared_engine(cls, value: str) -> str:
        known = declared(ENGINES)
        if value != AUTO and value not in known:
            raise ValueError(f"write {AUTO} or an engine: {', '.join(known) or f'none is declared, {REINSTALL}'}")
        return value

    @field_validator("media_roots", "music_dirs", mode="before")
    @classmethod
    def split_folders(cls, value: object) -> object:
        return tuple(filter(None, value.split(":"))) if isinstance(value, str) else value

    @field_validator("music_moved")
    @classmethod
    def moved_folders(cls, value: str) -> str:
        for pair in _split(value):
            old, equals, new = pair.partition("=")
            if not (old and equals and new.startswith("/")):
                raise ValueError("write each as /old/folder=/folder/here, separated by commas")
        return value

    @field_validator("cors_origins")
    @classmethod
    def explicit_origins(cls, value: str) -> str:
        for origin in _split(value):
            if not ORIGIN.fullmatch(origin):
                raise ValueError("name each origin in full, as http://studio.local:8080; there is no * and no path")
        return value

    @property
    def ports(self) -> Ports:
        return Ports.shifted(self.port_offset)

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        return self.data_dir.expanduser().resolve()

    @property
    def renders(self) -> Path:
        return self.data / "renders"

    @property
    def media(self) -> Path:
        """The media folder. Requests may name its files, and those of `media_roots`."""
        return self.data / "media"

    @property
    def moved_music(self) -> tuple[tuple[str, Path], ...]:
        """(folder in a Library.xml, folder here), as `music_moved` says."""
        pairs = (pair.partition("=") for pair in _split(self.music_moved))
        return tuple((old.strip(), Path(new.strip())) for old, _, new in pairs)

    @property
    def music_url(self) -> str:
        """Where this machine reaches the music API."""
        return f"http://{_reached_at(self.host)}:{self.ports.music}/api"

    @property
    def production_url(self) -> str:
        """Where this machine reaches the production API."""
        return f"http://{_reached_at(self.host)}:{self.ports.production}/api/anime"

    @property
    def prefect_url(self) -> str:
        """Where Prefect's API is reached, external or embedded."""
        return self.prefect_api_url or f"http://{HOST}:{self.ports.prefect}/api"

    @property
    def keys_required(self) -> bool:
        return self.require_keys or not _is_loopback(self.host)

    @property
    def origins(self) -> tuple[str, ...]:
        """The web origins that may ask from a browser: the dashboard's own and those that are set."""
        dashboard = (f"http://{name}:{self.ports.production}" for name in ("localhost", HOST))
        return (*dashboard, *_split(self.cors_origins))


def _split(texts: str) -> list[str]:
    return [text.strip() for text in texts.split(",") if text.strip()]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reached_at(host: str) -> str:
    own = {"0.0.0.0": HOST, "::": "::1"}.get(host, host)
    return f"[{own}]" if ":" in own else own
