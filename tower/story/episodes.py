"""Find episodes by the key that the API uses as their id, and collect what they show from their scenes."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.episodes import Episode, EpisodeStatus
from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.rendering import Asset
from db.models.scenes import Scene
from db.models.versions import Branch
from tower.errors import ConflictError, NotFoundError
from tower.names import name_key
from tower.story import entities
from tower.story.entities import LocatedRow, PastEntity
from tower.story.film_jobs import shows_status
from tower.story.scenes import cast_names
from tower.versions import history
from tower.versions.branches import MAIN
from tower.versions.episode_cuts import CutContent
from tower.versions.heads import Head
from tower.versions.kinds import Fields, Kind
from tower.versions.names import contains_part


@dataclass(frozen=True)
class EpisodeFilter:
    """Filters a list of episodes; None means any. `text` is a part of the title or synopsis in any case."""

    status: EpisodeStatus | None = None
    text: str | None = None


@dataclass(frozen=True)
class EpisodeScene:
    """A scene of an episode. `row` is None in a past state."""

    key: uuid.UUID
    fields: Fields
    row: Scene | None
    cast: Sequence[str]


@dataclass(frozen=True)
class EpisodeContents:
    """The scenes of an episode in the order of its cut. `score` is the mean of its accepted takes; None: none."""

    scenes: Sequence[EpisodeScene] = ()
    score: float | None = None

    @property
    def characters(self) -> list[str]:
        """The names of all characters, in the order of their first scene."""
        return list(dict.fromkeys(name for scene in self.scenes for name in scene.cast))


@dataclass
class _Collected:
    scenes: list[EpisodeScene] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def find_episode(
    session: Session,
    key: uuid.UUID,
    *,
    project_id: int | None = None,
    branch: str | None = None,
    lock: bool = False,
) -> LocatedRow[Episode]:
    """Return an episode on a branch: by default on `main`, or else on the branch that it was created on.

    `lock` locks the branch against other writers until the transaction ends.
    Raises NotFoundError, and ConflictError for an episode of several projects, which copies of a project have.
    """
    home_id, own_branch = _locate(session, key, project_id)
    return entities.find_by_key(session, Episode, key, project_id=home_id, branch=branch or own_branch, lock=lock)


def find_past_episode(session: Session, key: uuid.UUID, *, ref: str, project_id: int | None = None) -> PastEntity:
    """Return an episode at a commit or tag. Raises the errors of find_episode."""
    home_id, _ = _locate(session, key, project_id)
    return entities.find_past_by_key(session, Episode, key, project_id=home_id, ref=ref)


def select_episodes(session: Session, wanted: EpisodeFilter, *, project_id: int | None, branch: str) -> Select[Episode]:
    """Return a query for the episodes on a branch of one project, or on the branches of this name of all projects.

    Raises NotFoundError for an unknown project or branch of the one project.
    """
    if project_id is not None:
        rows = entities.select_on_branch(session, Episode, project_id=project_id, branch=branch)
    else:
        rows = select(Episode).join(Branch, Branch.id == Episode.branch_id)
        rows = rows.join(Project, Project.id == Episode.project_id)
        same = [
            row.id for row in session.execute(select(Branch.id, Branch.name)) if name_key(row.name) == name_key(branch)
        ]
        rows = rows.where(Branch.id.in_(same), Project.deleted_at.is_(None))
    if wanted.status is not None:
        rows = rows.where(shows_status(wanted.status))
    if wanted.text:
        found = (contains_part(column, wanted.text) for column in (Episode.title, Episode.synopsis))
        rows = rows.where(or_(*found))
    return rows


def next_episode_number(session: Session, head: Head) -> int:
    """Return the number after the last episode. The branch is locked, so no other writer can take it."""
    last = session.scalar(select(func.max(Episode.episode_number)).where(Episode.branch_id == head.branch.id))
    return (last or 0) + 1


def read_contents(session: Session, episodes: Sequence[Episode]) -> Mapping[int, EpisodeContents]:
    """Return the contents of current episodes, of any branches, by the id of their row."""
    if not episodes:
        return {}
    wanted = [(episode.branch_id, episode.key) for episode in episodes]
    rows = session.execute(
        select(Scene, ProductionJob.quality_score)
        .outerjoin(Asset, Asset.id == Scene.accepted_asset_id)
        .outerjoin(ProductionJob, ProductionJob.id == Asset.job_id)
        .where(tuple_(Scene.branch_id, Scene.episode_key).in_(wanted))
        .order_by(Scene.scene_number)
    ).all()
    names = _current_names(session, [scene for scene, _ in rows])
    collected: dict[tuple[int, uuid.UUID | None], _Collected] = defaultdict(_Collected)
    for scene, score in rows:
        of_episode = collected[scene.branch_id, scene.episode_key]
        fields = entities.row_fields(scene)
        cast = cast_names(fields, names[scene.branch_id])
        of_episode.scenes.append(EpisodeScene(scene.key, fields, scene, cast))
        of_episode.scores += [score] if score is not None else []
    return {
        episode.id: _contents(collected[episode.branch_id, episode.key], CutContent.of({"cut": episode.cut}))
        for episode in episodes
    }


def read_past_contents(session: Session, episodes: Sequence[PastEntity]) -> Mapping[uuid.UUID, EpisodeContents]:
    """Return the contents of episodes of one past state, by key."""
    if not episodes:
        return {}
    project_id, ref = episodes[0].project_id, episodes[0].at
    people = history.entities_at(session, project_id, ref, Kind.CHARACTERS)
    names = {key: str(fields["name"]) for key, fields in people.items()}
    collected: dict[str, _Collected] = defaultdict(_Collected)
    by_number = sorted(
        history.entities_at(session, project_id, ref, Kind.SCENES).items(), key=lambda pair: pair[1]["scene_number"]
    )
    for key, fields in by_number:
        if fields["episode_key"] is not None:
            scene = EpisodeScene(key, fields, None, cast_names(fields, names))
            collected[fields["episode_key"]].scenes.append(scene)
    return {episode.key: _contents(collected[str(episode.key)], CutContent.of(episode.fields)) for episode in episodes}


def _locate(session: Session, key: uuid.UUID, project_id: int | None) -> tuple[int, str]:
    """Return the project of an episode, and the branch that is read by default."""
    homes = (
        select(Episode.project_id, Branch.name)
        .join(Branch, Branch.id == Episode.branch_id)
        .join(Project, Project.id == Episode.project_id)
        .where(Episode.key == key, Project.deleted_at.is_(None))
        .order_by(Branch.name != MAIN, Episode.id)
    )
    if project_id is not None:
        homes = homes.where(Episode.project_id == project_id)
    found = session.execute(homes).all()
    if not found:
        raise NotFoundError(f"There is no episode {key}" + (f" in project {project_id}" if project_id else ""))
    projects = sorted({home for home, _ in found})
    if len(projects) > 1:
        listed = ", ".join(str(home) for home in projects)
        raise ConflictError(
            f"Episode {key} is in the projects {listed}: name one with project_id", details={"project_ids": projects}
        )
    return found[0][0], found[0][1]


def _contents(collected: _Collected, cut: CutContent) -> EpisodeContents:
    places = {key: place for place, key in reversed(list(enumerate(cut.order)))}
    ordered = sorted(collected.scenes, key=lambda scene: places.get(str(scene.key), len(cut.order)))
    score = round(sum(collected.scores) / len(collected.scores), 2) if collected.scores else None
    return EpisodeContents(ordered, score)


def _current_names(session: Session, scenes: Iterable[Scene]) -> Mapping[int, Mapping[uuid.UUID, str]]:
    """Return the names of the characters in these scenes, by branch and key."""
    used = {
        (scene.branch_id, uuid.UUID(member["key"])) for scene in scenes for member in scene.characters if member["key"]
    }
    names: dict[int, dict[uuid.UUID, str]] = defaultdict(dict)
    if used:
        rows = select(Character.branch_id, Character.key, Character.name)
        for branch_id, key, name in session.execute(
            rows.where(tuple_(Character.branch_id, Character.key).in_(list(used)))
        ):
            names[branch_id][key] = name
    return names
