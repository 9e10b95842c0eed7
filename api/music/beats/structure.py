"""The answer about the structure of a track."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field

from tower.beats.structure.cache import CachedStructure
from tower.beats.structure.results import TONICS


class KeyAnswer(BaseModel):
    tonic: str = Field(examples=["F#"], description=f"One of {', '.join(TONICS)}.")
    mode: Literal["major", "minor"]
    confidence: float = Field(ge=0, le=1)


class SectionAnswer(BaseModel):
    start: float = Field(description="Seconds.")
    end: float
    label: str = Field(examples=["A"], description="Sections with the same label sound alike.")
    energy: float = Field(ge=0, le=1, description="Relative to the loudest two seconds of the track.")


class DropAnswer(BaseModel):
    time: float = Field(description="Seconds: from here the sound is suddenly louder, and stays so.")
    rise_db: float


class EnergyAnswer(BaseModel):
    step: float = Field(description="Seconds from one value to the next.")
    values: list[float] = Field(description="At most 400, of the sound's amplitude; the loudest is 1.")


class StructureAnswer(BaseModel):
    """`key` and `sections` are null where there are none, and `key_reason` and `sections_reason` say why."""

    key: KeyAnswer | None
    key_reason: str | None
    chroma: dict[str, float] = Field(description="How much of each tone there is, the most being 1; empty for silence.")
    sections: list[SectionAnswer] | None
    sections_reason: str | None
    energy: EnergyAnswer
    drops: list[DropAnswer]
    analysis_duration: float = Field(description="Seconds that this took when it was found.")
    cached: bool = Field(description="It was found by an earlier request.")
    version: int = Field(description="Of the method.")

    @classmethod
    def of(cls, known: CachedStructure) -> Self:
        found = known.structure
        key, sections = found.key, found.sections
        return cls(
            key=KeyAnswer(tonic=key.tonic, mode=key.mode, confidence=key.confidence) if key else None,
            key_reason=found.no_key,
            chroma=dict(zip(TONICS, found.chroma, strict=False)),
            sections=[
                SectionAnswer(start=one.start_s, end=one.end_s, label=one.label, energy=one.energy) for one in sections
            ]
            or None,
            sections_reason=found.no_sections,
            energy=EnergyAnswer(step=found.energy_step_s, values=list(found.energy)),
            drops=[DropAnswer(time=drop.time_s, rise_db=drop.rise_db) for drop in found.drops],
            analysis_duration=round(known.seconds, 3),
            cached=known.from_cache,
            version=found.version,
        )
