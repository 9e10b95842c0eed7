"""The cache of assemblies stays within its limit, and loses nothing that is in use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.tower.scene_takes import ANIMATIC_SETTINGS
from tower.films.cache import TrimmedCache, cache_folder, trim_cache
from tower.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return ANIMATIC_SETTINGS.model_copy(update={"data_dir": tmp_path, "job_timeout_s": 60.0})


def put(settings: Settings, name: str, *, age_s: float) -> Path:
    path = cache_folder(settings) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 100)
    used_at = time.time() - age_s
    os.utime(path, (used_at, used_at))
    return path


def test_the_files_that_were_not_used_for_the_longest_time_go_first(settings: Settings) -> None:
    oldest = put(settings, "clips/a.mp4", age_s=3000)
    old = put(settings, "sound/b.m4a", age_s=2000)
    newer = put(settings, "seams/c.mp4", age_s=1000)
    assert trim_cache(settings, max_bytes=150) == TrimmedCache(2, 200, 100)
    assert (oldest.exists(), old.exists(), newer.exists()) == (False, False, True)


def test_what_a_running_assembly_may_use_stays(settings: Settings) -> None:
    in_use, unfinished = put(settings, "clips/a.mp4", age_s=30), put(settings, "clips/.b.mp4", age_s=3000)
    assert trim_cache(settings, max_bytes=0) == TrimmedCache(0, 0, 100)
    assert in_use.exists()
    assert unfinished.exists()


def test_the_limit_is_a_setting(settings: Settings) -> None:
    put(settings, "films/a.json", age_s=3000)
    assert trim_cache(settings).files == 0
    assert trim_cache(settings.model_copy(update={"assembly_cache_max_bytes": 0})).files == 1
