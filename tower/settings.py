"""The settings of Tower, read once from the environment and passed on as an argument."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tower.addresses import Address
from tower.plugins import ENGINES_GROUP, REINSTALL_HINT, declared_entry_points
from tower.web_names import is_loopback

LOOPBACK_HOST = "127.0.0.1"
AUTO_ENGINE = "auto"
ORIGIN_PATTERN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")
RATE_PATTERN = r"^(off|[1-9]\d{0,6}/(second|minute|hour))$"


@dataclass(frozen=True)
class Ports:
    """The documented ports, shifted by one offset so that several stacks can run on one machine."""

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
            postgres=5433 + offset,  # not 5432, where a PostgreSQL of the machine often listens
        )


class Settings(BaseSettings):
    """Every setting of Tower. A field is read from the environment variable `TOWER_<FIELD>` unless it has an alias."""

    model_config = SettingsConfigDict(env_prefix="TOWER_", extra="ignore", populate_by_name=True)

    data_dir: Path = Field(
        Path("data"), description="The folder of media, renders, library, cache, logs and the database."
    )
    host: str = Field(
        LOOPBACK_HOST,
        min_length=1,
        description="The address that the APIs listen at. Outside loopback they require keys.",
    )
    port_offset: int = Field(0, ge=0, le=20_000, description="Added to every port, at most 20000.")
    database_url: Address | None = Field(
        None, description="An external PostgreSQL; without it the embedded one starts."
    )
    prefect_api_url: Address | None = Field(
        None,
        validation_alias=AliasChoices("PREFECT_API_URL", "prefect_api_url"),
        description="An external Prefect server; without it the embedded one starts.",
    )
    prefect_api_auth_string: str | None = Field(
        None,
        min_length=1,
        repr=False,
        validation_alias=AliasChoices("PREFECT_API_AUTH_STRING", "prefect_api_auth_string"),
        description="The secret of the Prefect server; the embedded one gets one of its own.",
    )
    api_processes: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 2),
        ge=1,
        le=8,
        description="Processes of the production API.",
    )
    gpu_slots: int = Field(1, ge=1, le=64, description="Simultaneous renders of this machine's gpu worker.")
    engine: str = Field(
        AUTO_ENGINE, description="auto: comfyui if one is configured, else animatic; or the name of an engine."
    )
    comfyui_url: Address | None = Field(None, description="The ComfyUI that this machine's gpu worker renders with.")
    comfyui_user: str | None = Field(None, description="The user of basic authentication at ComfyUI's proxy.")
    comfyui_password: str | None = Field(None, repr=False, description="The password of that user.")
    comfyui_token: str | None = Field(
        None, repr=False, description="A bearer token for ComfyUI's proxy, instead of a user."
    )
    ollama_url: Address | None = Field(None, description="An Ollama server, which `tower doctor` checks.")
    library_dir: Path | None = Field(
        None, description="The folder that films are published to; default: `library` in the data folder."
    )
    signing_certificate: Path | None = Field(
        None, description="A PEM certificate that published films are signed with; default: one that Tower makes."
    )
    signing_key: Path | None = Field(None, description="The PEM key of that certificate.")
    jellyfin_url: Address | None = Field(None, description="A Jellyfin server that shows the library.")
    jellyfin_key: str | None = Field(None, min_length=1, repr=False, description="An API key of that server.")
    jellyfin_path_map: str = Field(
        "",
        description="Folders here and their paths at Jellyfin, separated by commas: /srv/library=/media/anime.",
    )
    models_dir: Path | None = Field(None, description="Model files, for use without a ComfyUI.")
    media_roots: Annotated[tuple[Path, ...], NoDecode] = Field((), description="Extra media folders, separated by ':'.")
    music_dirs: Annotated[tuple[Path, ...], NoDecode] = Field((), description="Music folders, separated by ':'.")
    music_moved: str = Field(
        "", description="Folders of a Library.xml and their paths here: /Users/kai/Music=/srv/music,C:/Music=/mnt/c."
    )
    beat_processes: int = Field(
        default_factory=lambda: (
            2 if (os.cpu_count() or 1) >= 4 else 1
        ),  # each takes 44 MB, and a core while it analyses
        ge=1,
        le=32,
        description="Music files that the music API analyses at once.",
    )
    apple_music_team_id: str | None = Field(
        None, pattern=r"^[A-Z0-9]{10}$", description="The team of an Apple Music developer key."
    )
    apple_music_key_id: str | None = Field(
        None, pattern=r"^[A-Z0-9]{10}$", description="The id of an Apple Music developer key."
    )
    apple_music_key_file: Path | None = Field(
        None, description="The .p8 file of the key; without it, the catalogue is not used."
    )
    apple_music_storefront: str = Field("us", pattern=r"^[a-z]{2}$", description="The country of the catalogue.")
    apple_music_url: Address = Field(
        Address("https://api.music.apple.com/v1"), description="The address of the catalogue."
    )
    require_keys: bool = Field(False, description="Require API keys on loopback too.")
    webhook_private: bool = Field(False, description="Webhooks may call addresses of this machine and its network.")
    api_key: str | None = Field(None, repr=False, description="The API key that the `tower` command sends.")
    cors_origins: str = Field("", description="Web origins whose pages may call the APIs, separated by commas.")
    rate_limit: str | None = Field(
        None, pattern=RATE_PATTERN, description="Requests of each key or address: 1200/minute, or off."
    )
    worker: str | None = Field(None, description="Name of the worker of this run, which the worker sets.")
    job_timeout_s: float = Field(3600, gt=0, description="Longest time of one attempt of a job, in seconds.")
    archive_max_bytes: int = Field(
        64 * 2**30, ge=2**20, description="Largest archive that an import accepts, in bytes unpacked."
    )
    assembly_cache_max_bytes: int = Field(
        20 * 2**30, ge=0, description="Largest size of the cache of conformed clips; the oldest unused ones go first."
    )
    upload_max_bytes: int = Field(256 * 2**20, ge=2**20, description="Largest picture or music file to upload.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, JSON elsewhere.")

    @field_validator("engine")
    @classmethod
    def check_engine(cls, value: str) -> str:
        names = declared_entry_points(ENGINES_GROUP)
        if value != AUTO_ENGINE and value not in names:
            raise ValueError(
                f"expected {AUTO_ENGINE} or an engine: {', '.join(names) or f'none is declared, {REINSTALL_HINT}'}"
            )
        return value

    @field_validator("media_roots", "music_dirs", mode="before")
    @classmethod
    def split_folders(cls, value: object) -> object:
        return tuple(filter(None, value.split(":"))) if isinstance(value, str) else value

    @field_validator("music_moved")
    @classmethod
    def check_moved_folders(cls, value: str) -> str:
        for pair in _split(value):
            old, equals, new = pair.partition("=")
            if not (old and equals and new.startswith("/")):
                raise ValueError("expected pairs like /old/folder=/folder/here, separated by commas")
        return value

    @field_validator("jellyfin_path_map")
    @classmethod
    def check_path_map(cls, value: str) -> str:
        for pair in _split(value):
            here, equals, there = pair.partition("=")
            if not (here.strip().startswith("/") and equals and there.strip()):
                raise ValueError("expected pairs like /folder/here=/folder/at/jellyfin, separated by commas")
        return value

    @field_validator("cors_origins")
    @classmethod
    def check_origins(cls, value: str) -> str:
        for origin in _split(value):
            if not ORIGIN_PATTERN.fullmatch(origin):
                raise ValueError(
                    "name each origin in full, like http://studio.local:8080, without * and without a path"
                )
        return value

    @model_validator(mode="after")
    def check_signing(self) -> Self:
        if (self.signing_certificate is None) != (self.signing_key is None):
            raise ValueError("set both TOWER_SIGNING_CERTIFICATE and TOWER_SIGNING_KEY, or neither")
        return self

    @model_validator(mode="after")
    def check_comfyui_login(self) -> Self:
        if self.comfyui_token is not None and (self.comfyui_user is not None or self.comfyui_password is not None):
            raise ValueError("set either TOWER_COMFYUI_TOKEN, or TOWER_COMFYUI_USER and TOWER_COMFYUI_PASSWORD")
        return self

    @property
    def comfyui(self) -> Address | None:
        """The address of ComfyUI with its credentials."""
        if self.comfyui_url is None:
            return None
        return Address(self.comfyui_url).with_login(
            user=self.comfyui_user, password=self.comfyui_password, bearer_token=self.comfyui_token
        )

    @property
    def ports(self) -> Ports:
        return Ports.shifted(self.port_offset)

    @property
    def data(self) -> Path:
        """The absolute path of the data folder."""
        return self.data_dir.expanduser().resolve()

    @property
    def renders(self) -> Path:
        return self.data / "renders"

    @property
    def media(self) -> Path:
        """The media folder. Requests may name files in it and in `media_roots`."""
        return self.data / "media"

    @property
    def library(self) -> Path:
        """The absolute path of the folder that films are published to."""
        return (self.library_dir or self.data / "library").expanduser().resolve()

    @property
    def jellyfin_folders(self) -> tuple[tuple[Path, str], ...]:
        """The pairs of `jellyfin_path_map`: (folder here, its path at Jellyfin)."""
        pairs = (pair.partition("=") for pair in _split(self.jellyfin_path_map))
        return tuple((Path(here.strip()), there.strip()) for here, _, there in pairs)

    @property
    def music_folder_moves(self) -> tuple[tuple[str, Path], ...]:
        """The pairs of `music_moved`: (folder in a Library.xml, folder here)."""
        pairs = (pair.partition("=") for pair in _split(self.music_moved))
        return tuple((old.strip(), Path(new.strip())) for old, _, new in pairs)

    @property
    def episodes_url(self) -> str:
        """The URL of the episodes API on this machine."""
        return f"http://{_connect_host(self.host)}:{self.ports.episodes}/api/anime"

    @property
    def music_url(self) -> str:
        """The URL of the music API on this machine."""
        return f"http://{_connect_host(self.host)}:{self.ports.music}/api"

    @property
    def production_url(self) -> str:
        """The URL of the production API on this machine."""
        return f"http://{_connect_host(self.host)}:{self.ports.production}/api/anime"

    @property
    def prefect_url(self) -> Address:
        """The URL of Prefect's API, external or embedded."""
        return Address(self.prefect_api_url or f"http://{LOOPBACK_HOST}:{self.ports.prefect}/api")

    @property
    def keys_required(self) -> bool:
        return self.require_keys or not is_loopback(self.host)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The web origins whose pages may call the APIs: the production API's own and the configured ones."""
        own = (f"http://{name}:{self.ports.production}" for name in ("localhost", LOOPBACK_HOST))
        return (*own, *_split(self.cors_origins))


def _split(texts: str) -> list[str]:
    return [text.strip() for text in texts.split(",") if text.strip()]


def _connect_host(host: str) -> str:
    address = {"0.0.0.0": LOOPBACK_HOST, "::": "::1"}.get(host, host)
    return f"[{address}]" if ":" in address else address
