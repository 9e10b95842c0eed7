"""After any actions on three branches in any order, nothing is damaged and rows equal the heads."""

from __future__ import annotations

import uuid
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.versions import Branch
from tests.hypothesis_profiles import example_count
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import ConflictError, InvalidError, NotFoundError, TowerError
from tower.versions import history
from tower.versions.editing import EntityEdit
from tower.versions.kinds import BIBLE_KEY, KIND_SPECS, Kind
from tower.versions.merge import revert
from tower.versions.merge.branches import Strategy

OPERATIONS = 200
BRANCHES = ("main", "left", "right")
NAMES = ("Kai", "Rin", "Mei", "Aki", "Sora")


class Author:
    """Applies random actions to a story. A refused action is counted and must change nothing."""

    def __init__(self, story: VersionedStory, seed: int) -> None:
        self.story = story
        self.random = Random(seed)
        self.refused = 0
        self.unended: list[str] = []  # Refused merges and reverts whose strategy should resolve every conflict.
        story.put(Kind.BIBLE, title="Bible", description="All of it")
        story.put(Kind.CHARACTERS, name="Kai")
        for name in BRANCHES[1:]:
            story.create_branch(name)

    def act(self) -> None:
        branch = self.random.choice(BRANCHES)
        edit_actions = (self._create, self._create, self._change, self._change, self._change, self._delete)
        action = self.random.choice((*edit_actions, self._merge, self._merge, self._revert))
        try:
            action(branch)
        except (ConflictError, InvalidError, NotFoundError):
            self.refused += 1

    def _create(self, branch: str) -> None:
        kind = self.random.choice(list(Kind))
        key = BIBLE_KEY if kind == Kind.BIBLE else uuid.UUID(int=self.random.getrandbits(128), version=4)
        needed: dict[Kind, dict[str, object]] = {
            Kind.BIBLE: {"title": "Bible", "description": "again"},
            Kind.BIBLE_CHARACTERS: {"bible_key": BIBLE_KEY},
            Kind.SCENES: {"scene_number": self.random.randint(1, 12), "description": "Dawn"},
            Kind.EPISODES: {"episode_number": self.random.randint(1, 6), "title": "One"},
            Kind.STYLES: {"prompt": "neon"},
        }
        fields = {**self._fields(kind, branch), **needed.get(kind, {})}
        if kind in (Kind.CHARACTERS, Kind.BIBLE_CHARACTERS, Kind.STYLES, Kind.STORY_ARCS):
            fields["name"] = self.random.choice(NAMES)
        self.story.commit(EntityEdit(kind, key, fields), branch=branch)

    def _change(self, branch: str) -> None:
        kind = self.random.choice(list(Kind))
        keys = self._keys(kind, branch)
        edits = [EntityEdit(kind, key, self._fields(kind, branch)) for key in keys[: self.random.randint(1, 3)]]
        self.story.commit(*edits, branch=branch)

    def _delete(self, branch: str) -> None:
        kind = self.random.choice(list(Kind))
        for key in self._keys(kind, branch)[:1]:
            self.story.delete(kind, key, branch)

    def _merge(self, branch: str) -> None:
        source, strategy = self.random.choice(BRANCHES), self.random.choice((None, *Strategy))
        try:
            self.story.merge(source, branch, strategy=strategy)
        except TowerError as error:
            self.unended += [str(error)] if strategy else []
            raise

    def _revert(self, branch: str) -> None:
        commits = history.list_commits(self.story.session, self.story.project_id, branch, limit=10).commits
        ref, strategy = self.random.choice(commits), self.random.choice((None, *Strategy))
        try:
            revert.revert_commit(
                self.story.session,
                project_id=self.story.project_id,
                branch=branch,
                ref=ref.hash,
                author="tests",
                strategy=strategy,
            )
        except TowerError as error:
            self.unended += [str(error)] if strategy and ref.parent_id else []
            raise

    def _keys(self, kind: Kind, branch: str) -> list[uuid.UUID]:
        row = KIND_SPECS[kind].row
        query = select(row.key).join(Branch, Branch.id == row.branch_id)
        unsorted_keys = self.story.session.scalars(
            query.where(Branch.project_id == self.story.project_id, Branch.name == branch)
        )
        keys = sorted(unsorted_keys)
        self.random.shuffle(keys)
        return keys

    def _fields(self, kind: Kind, branch: str) -> dict[str, object]:
        """A few random fields, with references to other entities."""
        trait = {self.random.choice("abc"): self.random.randint(0, 3)}
        episodes, people = self._keys(Kind.EPISODES, branch), self._keys(Kind.CHARACTERS, branch)
        cast = [{"name": "Kai", "key": str(key)} for key in people[: self.random.randint(0, 2)]]
        number = self.random.randint(1, 12)
        choices: dict[Kind, dict[str, object]] = {
            Kind.BIBLE: {"visual_style": trait, "title": self.random.choice(NAMES)},
            Kind.BIBLE_CHARACTERS: {"visual_traits": trait, "character_key": people[0] if people else None},
            Kind.CHARACTERS: {"visual_traits": trait, "abilities": [number], "name": self.random.choice(NAMES)},
            Kind.SCENES: {"episode_key": episodes[0] if episodes else None, "characters": cast, "scene_number": number},
            Kind.EPISODES: {"details": trait, "episode_number": self.random.randint(1, 6)},
            Kind.STYLES: {"sampler_settings": trait},
            Kind.STORY_ARCS: {"episode_keys": episodes[:2], "milestones": [{"episode_key": str(e)} for e in episodes]},
        }
        choice = choices[kind]
        names = self.random.sample(sorted(choice), self.random.randint(1, len(choice)))
        return {name: choice[name] for name in names}


@settings(
    example_count(2),
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32))
def test_random_histories_keep_the_database_consistent(session: Session, seed: int) -> None:
    story = create_story(session)
    author = Author(story, seed)
    for _ in range(OPERATIONS):
        author.act()
    assert story.check_integrity() == []
    assert author.unended == []
    assert author.refused < OPERATIONS * 2 / 3
    for name in BRANCHES[1:]:
        story.merge(name, strategy=Strategy.THEIRS)
    assert story.check_integrity() == []
