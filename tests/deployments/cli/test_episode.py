"""`tower episode` on a real database, with the episodes API beside the production API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from api.episodes.app import create_app
from db.engine import SessionFactory
from db.models.scenes import Scene
from deployments import state
from tests.api.live_server import serve_live
from tests.deployments.cli.conftest import Shell
from tests.small_media import write_video
from tower.settings import Settings


@pytest.fixture
def studio(shell: Shell, committing_engine: Engine, tmp_path: Path) -> Iterator[Shell]:
    """The command line of a stack that has an episodes API too."""
    settings = Settings(database_url=committing_engine.url.render_as_string(hide_password=False))
    with serve_live(create_app(settings), "unused") as running:
        found = state.read(tmp_path)
        assert found is not None
        addresses = replace(found.addresses, episodes_url=f"{running.url}/api/anime")
        state.write(replace(found, addresses=addresses))
        yield shell


def test_an_episode_is_created_listed_shown_changed_and_deleted(studio: Shell) -> None:
    studio.made("project", "create", "Village")
    episode = studio.made("episode", "create", "The Beginning", "--meta", "genre=fantasy")
    scene = studio.made("scene", "create", "Kai waits", "--with", "Kai", "--episode", episode)
    outcome = studio.run("episode", "show", "1")
    assert (outcome.code, f"Without a take: scene {scene}" in outcome.err) == (0, True)
    shown = studio.answer("episode", "show", episode)
    assert (shown["characters"], shown["metadata"], shown["staleness"]["scenes"]) == (["Kai"], {"genre": "fantasy"}, 1)
    changed = studio.answer("episode", "edit", "1", "--title", "Dawn", "--meta", "mood=calm")
    assert (changed["title"], changed["metadata"]) == ("Dawn", {"genre": "fantasy", "mood": "calm"})
    assert [row["id"] for row in studio.answer("episode", "list", "--search", "dawn")] == [episode]
    assert studio.run("episode", "edit", "1", "--number", "0").err.startswith("tower: Invalid --number")
    assert studio.run("episode", "show", "7").code == 4
    assert studio.run("episode", "delete", "1").code == 0
    assert studio.answer("episode", "list") == []


def test_a_cut_is_printed_changed_and_set_again(studio: Shell, tmp_path: Path) -> None:
    studio.made("project", "create", "Village")
    episode = studio.made("episode", "create", "The Beginning")
    scene = studio.made("scene", "create", "Kai waits", "--episode", episode)
    cut = studio.answer("episode", "cut", "1")
    cut["scenes"][0]["speed"] = 2
    file = tmp_path / "cut.json"
    file.write_text(json.dumps(cut))
    changed = studio.answer("episode", "cut", "1", "--set", str(file), "--message", "Faster")
    assert changed["scenes"][0].items() >= {"scene_id": int(scene), "speed": 2}.items()
    refused = studio.run("episode", "cut", "1")
    assert (refused.code, "Without a take: scene_1" in refused.err) == (1, True)
    file.write_text("{")
    assert studio.run("episode", "cut", "1", "--set", str(file)).code == 2


def test_the_film_commands_say_what_is_missing(studio: Shell, tmp_path: Path) -> None:
    studio.made("project", "create", "Village")
    episode = studio.made("episode", "create", "The Beginning")
    studio.made("scene", "create", "Kai waits", "--episode", episode)
    refused = studio.run("episode", "assemble", "1")
    assert (refused.code, "Without a take: scene_1" in refused.err) == (1, True)
    assert studio.run("episode", "open", "1").err == "tower: Episode 1 has no film: `tower episode assemble` makes it\n"
    assert studio.run("episode", "open", "1").code == 4
    refused = studio.run("publish", "1")
    assert (refused.code, "Without a take: scene_1" in refused.err) == (1, True)
    for command in ("publications", "unpublish", "rollback"):
        refused = studio.run(command, "1")
        assert (refused.code, "was never published" in refused.err) == (4, True)
    assert studio.run("episode", "export", "1", str(tmp_path / "rain.avi")).code == 2
    assert studio.run("episode", "export", "1", str(tmp_path / "rain.otio")).code == 1
    assert studio.run("episode", "render", "1", "--quality", "best").err.startswith("tower: Invalid --quality")


def test_a_cut_is_exported_to_a_file(studio: Shell, sessions: SessionFactory, tmp_path: Path) -> None:
    studio.made("project", "create", "Village")
    episode = studio.made("episode", "create", "The Beginning")
    studio.made("scene", "create", "Kai waits", "--episode", episode)
    with sessions.begin() as session:
        session.execute(update(Scene).values(video_path=str(write_video(tmp_path / "own.mp4"))))
    exported = studio.answer("episode", "export", "1", str(tmp_path / "rain.otio"))
    assert exported["path"] == str(tmp_path / "rain.otio")
    assert json.loads((tmp_path / "rain.otio").read_text())["OTIO_SCHEMA"].startswith("Timeline")
