"""A test has the same path as the code that it tests."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
MIRRORED = ("api", "db", "deployments", "flows", "tasks", "tower", "tower_animatic")
# Tests of one behaviour across several modules: a law, a race, a document, a fuzzer, a real browser.
ACROSS_MODULES = {
    "api/episodes/test_schemathesis.py",
    "api/episodes/test_seed_documents.py",
    "api/music/beats/test_hostile_files.py",
    "api/music/test_browser.py",
    "api/music/test_schemathesis.py",
    "api/music/test_seed_documents.py",
    "api/music/test_stream.py",
    "api/production/generation/test_following.py",
    "api/production/generation/test_refused_at_once.py",
    "api/production/generation/test_settings_on_every_path.py",
    "api/production/generation/test_listing.py",
    "api/production/generation/test_retry.py",
    "api/production/generation/test_typed.py",
    "api/production/story/test_styles_and_arcs.py",
    "api/production/test_moods_and_schedule.py",
    "api/production/test_names.py",
    "api/production/test_ownership.py",
    "api/production/test_pool.py",
    "api/production/test_schemathesis.py",
    "api/production/test_seed_documents.py",
    "api/production/versions/test_two_writers.py",
    "api/test_openapi.py",
    "db/test_committing_sessions.py",
    "db/test_rules.py",
    "db/test_schema.py",
    "deployments/cli/test_main.py",
    "tower/archives/test_interrupted.py",
    "tower/archives/test_memory.py",
    "tower/archives/test_refused.py",
    "tower/archives/test_round_trip.py",
    "tower/assembly/test_playback.py",
    "tower/assembly/test_refusals.py",
    "tower/assembly/test_sound.py",
    "tower/beats/test_synthesised_music.py",
    "tower/clients/comfyui/test_following.py",
    "tower/conform/test_flash_and_click.py",
    "tower/engines/comfyui/test_misbehaviour.py",
    "tower/engines/comfyui/test_other_servers.py",
    "tower/media/test_no_network.py",
    "tower/shots/test_glossary_in_prompts.py",
    "tower/staleness/test_laws.py",
    "tower/staleness/test_pages.py",
    "tower/staleness/test_races.py",
    "tower/versions/test_merge_bases.py",
    "tower/versions/test_random_histories.py",
    "tower/versions/test_writers.py",
    "tower/workflows/test_newer_nodes.py",
    "tower/workflows/test_pack_nodes.py",
}


def _tests(package: str) -> list[Path]:
    return sorted((TESTS / package).rglob("test_*.py"))


@pytest.mark.parametrize("package", MIRRORED)
def test_a_test_has_the_path_of_its_module(package: str) -> None:
    test_paths = (test.relative_to(TESTS) for test in _tests(package))
    strays = {str(test) for test in test_paths if not (ROOT / test.with_name(test.name.removeprefix("test_"))).exists()}
    assert not strays - ACROSS_MODULES


def test_the_exceptions_are_existing_tests() -> None:
    assert not {path for path in ACROSS_MODULES if not (TESTS / path).exists()}


def test_no_file_repeats_the_name_of_its_folder() -> None:
    files = [path for path in TESTS.rglob("*.py") if path.parent != TESTS]
    repeats = [path for path in files if path.stem.removeprefix("test_") == path.parent.name]
    assert not repeats


def test_every_test_folder_of_a_package_mirrors_one_of_its_folders() -> None:
    folders = {test.parent.relative_to(TESTS) for package in MIRRORED for test in _tests(package)}
    assert not [str(folder) for folder in folders if not (ROOT / folder).is_dir()]
