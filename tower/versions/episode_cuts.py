"""The cut of an episode as content: the choices of its author.

Only choices that differ from the defaults are kept, so that a merge compares what was chosen. Scenes are named by key
and tracks by content. A scene may have been deleted or moved since, so every reader skips unknown keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tower.errors import InvalidError
from tower.versions.values import canonicalise

MAX_SECONDS = 86_400
MAX_SCENES, MAX_CUES, MAX_LINES = 10_000, 200, 12  # of an edit; a merge of two long lists may have more
Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
ContentHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
Length = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
FadeLength = Annotated[float, Field(ge=0, le=60)]
Gain = Annotated[float, Field(ge=-60, le=12)]
CardLine = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CutPart(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        return self.model_dump(exclude_defaults=True)


class TransitionPart(CutPart):
    """How an item is followed by the next. A dissolve shows both for `frames`, which shortens the film by them."""

    kind: Literal["cut", "dissolve", "fade"] = "cut"
    frames: int = Field(0, ge=0, le=1000, description="Its length; 0 for a cut.")


EFFECT_PARAMETERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("zoom_in", "zoom_out", "pan_left", "pan_right", "pan_up", "pan_down"), frozenset({"scale"})),
    "shake": frozenset({"scale", "at_seconds", "seconds"}),
    "flash": frozenset({"at_seconds", "seconds"}),
    "black_and_white": frozenset(),
    "mirror": frozenset(),
    "freeze": frozenset({"seconds"}),
}


class EffectPart(CutPart):
    """What is done to the pictures of a scene. A parameter is null where its kind has none, or for its default."""

    kind: Literal[
        "zoom_in", "zoom_out", "pan_left", "pan_right", "pan_up", "pan_down",
        "shake", "flash", "black_and_white", "mirror", "freeze",
    ]  # fmt: skip
    scale: float | None = Field(
        None,
        ge=1.02,
        le=2,
        description="How much a zoom, pan or shake enlarges the picture. Default 1.2; a shake 1.08.",
    )
    at_seconds: Seconds | None = Field(
        None, description="When a shake or flash begins, from the start of the scene in the film. Default 0."
    )
    seconds: float | None = Field(
        None,
        ge=0.01,
        le=10,
        description="How long a shake (0.5), a flash (0.3) or the last picture of a freeze (1) lasts.",
    )


class ScenePart(CutPart):
    """The part of a scene's take that is shown, and its sound."""

    in_seconds: Seconds = Field(0, description="Where the shown part of the take begins.")
    out_seconds: Length | None = Field(None, description="Where the shown part of the take ends; null: at its end.")
    speed: float = Field(1, ge=0.25, le=4)
    sound: Literal["drop", "keep", "duck"] = Field(
        "drop", description="The sound of the take: dropped, kept, or kept below music and speech."
    )
    gain_db: Gain = 0
    effect: EffectPart | None = None
    transition: TransitionPart = Field(default_factory=TransitionPart, description="To the next scene or card.")


class CardPart(CutPart):
    """A still with lines of text."""

    lines: Annotated[list[CardLine], Field(min_length=1)]
    seconds: float = Field(3, gt=0, le=60)


class TitleCardPart(CardPart):
    transition: TransitionPart = Field(default_factory=TransitionPart, description="To the first scene.")


class CuePart(CutPart):
    """When music plays, and how loud."""

    start_seconds: Seconds = Field(0, description="From the start of the film, or of the named scene.")
    seconds: Length | None = Field(None, description="Its length; null: to the end of the track, scene or film.")
    offset_seconds: Seconds = Field(0, description="Where in the track it begins.")
    gain_db: Gain = 0
    fade_in_seconds: FadeLength = 0
    fade_out_seconds: FadeLength = 0
    duck_db: float = Field(-9, ge=-60, le=0, description="Its level under speech, relative to its own.")


class MusicPart(CuePart):
    """A track, or the music of a scene if no track is named. It begins in the film, or in the named scene."""

    track_sha256: ContentHash | None = None
    scene_key: Key | None = None


class SubtitlesPart(CutPart):
    """Subtitles from the dialogue of the scenes."""

    enabled: bool = True
    burn_in: bool = Field(False, description="Draw them into the picture too.")
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")] = Field(
        "eng", description="ISO 639-2, three letters."
    )


class CutContent(CutPart):
    """A whole cut. Scenes of the episode that `order` does not name follow in story order."""

    order: list[Key] = Field(default_factory=list)
    scenes: dict[Key, ScenePart] = Field(default_factory=dict)
    title_card: TitleCardPart | None = None
    end_card: CardPart | None = None
    music: list[MusicPart] = Field(default_factory=list)
    subtitles: SubtitlesPart = Field(default_factory=SubtitlesPart)
    chapters: bool = True

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """The cut among the fields of an episode."""
        return cls.model_validate(fields["cut"])


def parse_cut(value: Any, path: str) -> dict[str, Any]:
    """Return the cut in canonical form. Raises InvalidError, which names the path, for an invalid one."""
    try:
        cut = CutContent.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join([path, *(str(part) for part in first["loc"])])
        raise InvalidError.field(place, first["input"], first["msg"]) from error
    _check_lengths(cut, path)
    content: dict[str, Any] = canonicalise(cut.to_json(), path)
    return content


def _check_lengths(cut: CutContent, path: str) -> None:
    cards = {"title_card": cut.title_card, "end_card": cut.end_card}
    lists: dict[str, tuple[Sized, int]] = {"order": (cut.order, MAX_SCENES), "music": (cut.music, MAX_CUES)}
    lists |= {f"{name}/lines": (card.lines, MAX_LINES) for name, card in cards.items() if card}
    for name, (entries, most) in lists.items():
        if len(entries) > most:
            raise InvalidError.field(f"{path}/{name}", len(entries), f"at most {most} entries")
