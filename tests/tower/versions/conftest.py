"""A project to edit, with short methods for edits."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from tests.tower.versions.story import Story, a_story
from tower.versions.kinds import Kind


@pytest.fixture
def story(session: Session) -> Story:
    return a_story(session)


@pytest.fixture
def kai(story: Story) -> uuid.UUID:
    """A character on main and on the branch `dark` created from it."""
    key = story.put(Kind.CHARACTERS, name="Kai", visual_traits={"hair": "black", "eyes": "blue"}, abilities=["run"])
    story.branch("dark")
    return key
