"""The collaborators of a service: one typed place on its app."""

from __future__ import annotations

import pytest

from api.http.collaborators import Collaborators, collaborators_of, store_collaborators
from api.music.dependencies import MusicCollaborators
from db.engine import SessionFactory, read_session_factory
from tests.api.framed_service import build_service
from tower.settings import Settings


def test_a_service_that_has_not_started_has_none() -> None:
    with pytest.raises(RuntimeError, match="Frame has no collaborators: its lifespan has not started"):
        collaborators_of(build_service(), Collaborators)


def test_collaborators_of_another_service_are_refused(sessions: SessionFactory) -> None:
    app = build_service()
    collaborators = Collaborators(
        settings=Settings(), service="frame", sessions=sessions, reading=read_session_factory(sessions.kw["bind"])
    )
    store_collaborators(app, collaborators)
    assert collaborators_of(app, Collaborators) is collaborators
    with pytest.raises(TypeError, match="Frame has Collaborators, not MusicCollaborators"):
        collaborators_of(app, MusicCollaborators)
