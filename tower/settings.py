"""What may be set from outside, read once from the environment and handed on as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

HOST = "127.0.0.1"


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

    data_dir: Path = Field(Path("data"), description="Where media, renders, library, cache, logs and the database live.")
    port_offset: int = Field(0, ge=0, le=20_000, description="Added to every port.")
    database_url: str | None = Field(None, description="An external PostgreSQL; without it the embedded one is started.")
    prefect_api_url: str | None = Field(
        None,
        validation_alias=AliasChoices("PREFECT_API_URL", "prefect_api_url"),
        description="PREFECT_API_URL: an external Prefect server; without it the embedded one is started.",
    )
    gpu_slots: int = Field(1, ge=1, le=64, description="Renders at once in the gpu pool.")
    engine: Literal["auto", "animatic", "comfyui"] = Field("auto", description="auto: comfyui where one is configured.")
    comfyui_url: str | None = None
    ollama_url: str | None = None
    jellyfin_url: str | None = None
    models_dir: Path | None = Field(None, description="Model files, where no ComfyUI can be asked.")
    media_roots: Annotated[tuple[Path, ...], NoDecode] = Field((), description="Extra media folders, separated by ':'.")
    job_timeout_s: float = Field(3600, gt=0, description="Longest time one attempt of a job may take.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, JSON elsewhere.")

    @field_validator("media_roots", mode="before")
    @classmethod
    def split_folders(cls, value: object) -> object:
        return tuple(filter(None, value.split(":"))) if isinstance(value, str) else value

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
    def production_url(self) -> str:
        return f"http://{HOST}:{self.ports.production}/api/anime"
