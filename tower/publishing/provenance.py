"""Where a film comes from: its project, its commit, and the take, engine and model of each shot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

AI_MADE = "The pictures of this film are AI-made."
PARTLY_AI_MADE = "Some pictures of this film are AI-made."
DRAWN = "The pictures of this film are drawn by a program without a trained model."
PARTLY_DRAWN = "Some pictures of this film are drawn by a program without a trained model."
UNKNOWN = "Tower does not know how the pictures of this film were made."


class PictureSource(StrEnum):
    """How the pictures were made, by the words of IPTC that a mark carries."""

    TRAINED_MODEL = "trainedAlgorithmicMedia"
    ALGORITHM = "algorithmicMedia"  # drawn without a trained model
    COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
    MIXED = "composite"  # with videos of the user's own, of which Tower does not know how they were made


@dataclass(frozen=True)
class FilmShot:
    """A part of the film and the take that it shows. Times are seconds of the film.

    engine: None for a video of the user's own.
    """

    start_s: float
    end_s: float
    scene_key: str
    take_sha256: str
    engine: str | None
    model: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class Provenance:
    """Where the film comes from."""

    project_id: int | None = None
    project: str | None = None
    commit: str | None = None
    shots: tuple[FilmShot, ...] = ()
    source: PictureSource = PictureSource.TRAINED_MODEL
    branch: str | None = None

    @property
    def statement(self) -> str:
        """How the pictures were made, as a plain sentence."""
        match self.source:
            case PictureSource.TRAINED_MODEL:
                return AI_MADE
            case PictureSource.COMPOSITE:
                return PARTLY_AI_MADE
            case PictureSource.ALGORITHM:
                return DRAWN
        return PARTLY_DRAWN if any(shot.engine for shot in self.shots) else UNKNOWN

    def as_tag(self, episode_key: UUID) -> str:
        """The text that an unsigned film carries in its own tags. The statement comes first, for human readers."""
        return json.dumps(
            {
                "statement": self.statement,
                "project": self.project,
                "branch": self.branch,
                "commit": self.commit,
                "episode": str(episode_key),
                "shots": [vars(shot) for shot in self.shots],
            },
            ensure_ascii=False,
        )

    def as_json(self) -> dict[str, Any]:
        shots = [vars(shot) for shot in self.shots]
        return {**vars(self), "source": self.source.value, "shots": shots}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Provenance:
        shots = tuple(FilmShot(**shot) for shot in value["shots"])
        return cls(**{**value, "source": PictureSource(value["source"]), "shots": shots})
