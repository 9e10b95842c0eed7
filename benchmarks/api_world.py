"""The data of the API benchmark: one project of 10,000 scenes, 200 small ones, 100,000 jobs of a year."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks.versions import build_scene
from db.engine import SessionFactory
from tower.story import projects
from tower.versions import branches, editing
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind

SCENES = 10_000
JOBS = 100_000
PROJECTS = 200
CHARACTERS = 40
COMMITS = 200  # single edits, so that the log has some length
BRANCHES = 3
SEED = 11

_JOBS = """
insert into anime_api.production_jobs (project_id, job_type, status, stage, progress, prompt, parameters, steps,
    comfyui_job_id, seed, engine, attempt, launches, launch_after, run_settled, started_at, heartbeat_at, ended_at,
    output_path, quality_score, error_code, error_message, created_at, updated_at)
select case when n % 10 = 0 then null when n % 3 = 0 then :big
        else :first + (n * 7919) % (:projects * (n % 4 + 1) / 4) end,
    case when n % 5 = 0 then 'fast_video_generation' when n % 17 = 0 then 'integrated_generation'
        else 'video_generation' end,
    state, case when state = 'completed' then 'publish' else 'render' end,
    case when state = 'completed' then 1 else 0.4 end, 'rain over the village, shot ' || n,
    jsonb_build_object('prompt', 'rain over the village, shot ' || n, 'character', 'Kai', 'scene_type', 'action',
        'duration_s', 3, 'style', 'anime', 'type', 'standard', 'quality', 'current_workflow', 'engine', 'auto',
        'seed', null, 'project_id', null, 'width', null, 'height', null, 'fps', 24),
    jsonb_build_object('prompt', jsonb_build_object('prompt', 'rain, anime', 'negative_prompt', 'blurry')),
    gen_random_uuid(), n, 'animatic', 1, 1, null, state not in ('processing'),
    made, made + interval '40 s', case when state <> 'processing' then made + interval '1 min' end,
    case when state = 'completed' then '/renders/' || n || '.mp4' end,
    case when state = 'completed' then 6 + n % 4 end,
    case when state in ('failed', 'merge_failed') then 'RENDER_FAILED' end,
    case when state in ('failed', 'merge_failed') then 'The engine could not make the clip' end,
    made, made + interval '1 min'
from (select n, now() - interval '365 days' * (:jobs - n) / :jobs as made,
        case when n > :jobs - 20 then 'processing' when n % 50 = 1 then 'failed' when n % 70 = 2 then 'cancelled'
            when n % 500 = 3 then 'merge_failed' else 'completed' end as state
    from generate_series(1, :jobs) n) spread
order by n
"""
_SEGMENTS = """
insert into public.render_queue (job_id, segment, attempt, state, progress, prompt_id, engine, shot, fingerprint,
    started_at, ended_at, error_code, error_message)
select id, segment, 1, 'failed', 0.4, gen_random_uuid(), 'animatic', '{}', repeat('f', 64),
    created_at, created_at + interval '20 s', 'RENDER_FAILED', 'The engine could not make the clip'
from anime_api.production_jobs, generate_series(1, 3) segment where job_type = 'fast_video_generation'
"""


@dataclass(frozen=True)
class ApiWorld:
    """`scene_ids`, `character_ids` and `commits` belong to the large project, on main; `job_ids` to all projects."""

    project_id: int
    small_ids: Sequence[int]
    scene_ids: Sequence[int]
    character_ids: Sequence[int]
    job_ids: Sequence[int]
    commits: Sequence[str]


def build_world(made: SessionFactory) -> ApiWorld:
    drawn = random.Random(SEED)
    with made.begin() as session:
        big = projects.create_project(session, {"name": "The long series"}, {}).id
        small = [projects.create_project(session, {"name": f"Pilot {n}"}, {}).id for n in range(PROJECTS)]
    keys = [uuid.UUID(int=drawn.getrandbits(128), version=4) for _ in range(SCENES)]
    cast = [uuid.UUID(int=drawn.getrandbits(128), version=4) for _ in range(CHARACTERS)]
    people = [EntityEdit(Kind.CHARACTERS, key, {"name": f"Villager {n}"}) for n, key in enumerate(cast)]
    _commit(made, big, people)
    _commit(made, big, [EntityEdit(Kind.SCENES, key, _scene(at, cast)) for at, key in enumerate(keys, 1)])
    for at in range(COMMITS):
        _commit(made, big, [EntityEdit(Kind.SCENES, keys[at * 7], {"mood": f"mood {at}"})])
    with made.begin() as session:
        for number in range(1, BRANCHES):
            branches.create(session, big, f"ending {number}")
    _commit(made, big, [EntityEdit(Kind.SCENES, key, {"mood": "other"}) for key in keys[:20]], branch="ending 1")
    with made.begin() as session:
        session.execute(text(_JOBS), {"big": big, "first": small[0], "projects": PROJECTS, "jobs": JOBS})
        session.execute(text(_SEGMENTS))
    with made() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("vacuum analyze"))
    return _known(made, big, small)


def _known(made: SessionFactory, big: int, small: Sequence[int]) -> ApiWorld:
    def ids(query: str) -> list[int]:
        return list(session.scalars(text(query), {"big": big}))

    main = "branch_id = (select id from anime_api.branches where project_id = :big and name = 'main')"
    with made() as session:
        newest = "select hash from anime_api.commits where project_id = :big order by id desc limit 100"
        return ApiWorld(
            project_id=big,
            small_ids=small,
            scene_ids=ids(f"select id from anime_api.scenes where {main} order by scene_number"),
            character_ids=ids(f"select id from anime_api.characters where {main} order by id"),
            job_ids=ids("select id from anime_api.production_jobs order by id"),
            commits=list(session.scalars(text(newest), {"big": big})),
        )


def _commit(made: SessionFactory, project_id: int, edits: Sequence[EntityEdit], *, branch: str = "main") -> None:
    with made.begin() as session:
        editing.commit_edits(
            session, project_id=project_id, branch=branch, edits=edits, message="an edit", author="benchmark"
        )


def _scene(at: int, cast: Sequence[uuid.UUID]) -> dict[str, object]:
    """A scene with two characters; every hundredth contains a rare word."""
    rare = " A comet." if at % 100 == 0 else ""
    plays = [{"name": f"Villager {n}", "key": str(cast[n])} for n in (at % CHARACTERS, (at * 3 + 1) % CHARACTERS)]
    content = build_scene(at)
    return {**content, "description": f"{content['description']}{rare}", "characters": plays}
