"""A project to edit, with short methods for edits."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from tests.tower.versions.story import VersionedStory, create_story
from tower.versions.kinds import Kind


@pytest.fixture
def story(session: Session) -> VersionedStory:
    return create_story(session)


@pytest.fixture
def kai(story: VersionedStory) -> uuid.UUID:
    """A character on main and on the branch `dark` created from it."""
    key = story.put(Kind.CHARACTERS, name="Kai", visual_traits={"hair": "black", "eyes": "blue"}, abilities=["run"])
    story.create_branch("dark")
    return key
