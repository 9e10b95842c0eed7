"""Requests and answers for the cut of an episode."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.http.field_types import EditFields, IdOrKey, RowId
from api.http.strict_routes import Body
from tower.story.cut_edits import MusicChoice, SceneChoice, check_transition, choose_music, choose_scenes, track_ids
from tower.story.entities import LocatedRow, PastEntity
from tower.story.episodes import EpisodeContents, read_contents, read_past_contents
from tower.versions.episode_cuts import (
    MAX_CUES,
    MAX_LINES,
    MAX_SCENES,
    CardLine,
    CardPart,
    ContentHash,
    CuePart,
    CutContent,
    MusicPart,
    ScenePart,
    SubtitlesPart,
    TitleCardPart,
)

EXAMPLE: JsonValue = {
    "scenes": [
        {"scene_id": 2, "transition": {"kind": "dissolve", "frames": 12}},
        {"scene_id": 1, "in_seconds": 0.5, "out_seconds": 2.5, "speed": 0.5},
    ],
    "title_card": {"lines": ["The Beginning"], "seconds": 2},
}
CardLines = Annotated[list[CardLine], Field(min_length=1, max_length=MAX_LINES)]
ANY_SCENE = "Id or key of a scene of the episode."


class CutSceneBody(ScenePart, Body):
    scene_id: IdOrKey = Field(description=ANY_SCENE)

    def choice(self) -> SceneChoice:
        return SceneChoice(self.scene_id, ScenePart(**self.model_dump(exclude={"scene_id"})))


class CutMusicBody(CuePart, Body):
    """A track, or the music of a scene."""

    track_id: RowId | None = None
    track_sha256: ContentHash | None = None
    scene_id: IdOrKey | None = Field(None, description="Where it begins; without a track, the music of this scene.")

    def choice(self) -> MusicChoice:
        named = {"track_id", "track_sha256", "scene_id"}
        return MusicChoice(
            CuePart(**self.model_dump(exclude=named)), self.track_id, self.track_sha256, scene=self.scene_id
        )


class CardBody(CardPart):
    lines: CardLines


class TitleCardBody(TitleCardPart):
    lines: CardLines


class CutChange(EditFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    scenes: Annotated[list[CutSceneBody], Field(max_length=MAX_SCENES)] = Field(
        default_factory=list, description="Scenes in the order of the film. Those left out follow in story order."
    )
    title_card: TitleCardBody | None = None
    end_card: CardBody | None = None
    music: Annotated[list[CutMusicBody], Field(max_length=MAX_CUES)] = Field(default_factory=list)
    subtitles: SubtitlesPart = Field(default_factory=SubtitlesPart)
    chapters: bool = Field(True, description="A chapter for each scene.")

    def to_content(self, session: Session, contents: EpisodeContents, before: CutContent) -> dict[str, Any]:
        """The whole cut after this change. Raises InvalidError, which names the field."""
        content = before.to_json()
        sent = self.model_fields_set
        if "scenes" in sent:
            content |= choose_scenes(contents.scenes, [scene.choice() for scene in self.scenes])
        if "music" in sent:
            content["music"] = choose_music(session, contents.scenes, [cue.choice() for cue in self.music])
        if self.title_card is not None:
            check_transition(self.title_card.transition, "title_card.transition")
        for name in sent & {"title_card", "end_card", "subtitles"}:
            part: CardPart | SubtitlesPart | None = getattr(self, name)
            content[name] = None if part is None else part.to_json()
        if "chapters" in sent:
            content["chapters"] = self.chapters
        return content


class CutSceneAnswer(ScenePart):
    scene_id: int | uuid.UUID = Field(description="Id of the scene; in a past state (`at`), its key.")


class CutMusicAnswer(CuePart):
    track_id: int | None = Field(description="The track in the music library; null if it has no such file now.")
    track_sha256: str | None
    scene_id: int | uuid.UUID | None


class CutAnswer(BaseModel):
    """The whole cut, with every scene of the episode. It can be sent back as a change."""

    scenes: list[CutSceneAnswer]
    title_card: TitleCardPart | None
    end_card: CardPart | None
    music: list[CutMusicAnswer]
    subtitles: SubtitlesPart
    chapters: bool

    @classmethod
    def of(cls, session: Session, contents: EpisodeContents, cut: CutContent) -> Self:
        ids = {str(scene.key): scene.row.id if scene.row else scene.key for scene in contents.scenes}
        tracks = track_ids(session, [part.track_sha256 for part in cut.music if part.track_sha256])
        return cls(
            scenes=[CutSceneAnswer(scene_id=ids[key], **cut.scenes.get(key, ScenePart()).model_dump()) for key in ids],
            music=[_music_answer(part, ids, tracks.get(part.track_sha256 or "")) for part in cut.music],
            **{name: getattr(cut, name) for name in ("title_card", "end_card", "subtitles", "chapters")},
        )


def to_answers(session: Session, found: Sequence[Any]) -> list[CutAnswer]:
    """The cuts of current episodes, or of episodes of one past state."""
    current = read_contents(session, [entity.row for entity in found if isinstance(entity, LocatedRow)])
    past = read_past_contents(session, [entity for entity in found if isinstance(entity, PastEntity)])
    return [
        CutAnswer.of(
            session,
            past[entity.key] if isinstance(entity, PastEntity) else current[entity.row.id],
            CutContent.of(entity.fields),
        )
        for entity in found
    ]


def _music_answer(part: MusicPart, ids: dict[str, Any], track_id: int | None) -> CutMusicAnswer:
    fields = part.model_dump(exclude={"scene_key", "track_sha256"})
    scene_id = None if part.scene_key is None else ids.get(part.scene_key, uuid.UUID(part.scene_key))
    return CutMusicAnswer(**fields, track_id=track_id, track_sha256=part.track_sha256, scene_id=scene_id)
