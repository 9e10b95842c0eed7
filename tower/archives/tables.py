"""The rows that belong to a project's archive, and how their columns are converted.

A row keeps its key, dates and version. Its id and its references become line numbers. State of this machine is left
out: runs, workers, and paths of publication.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Table

from db.models import METADATA

OF_PROJECT = "t.project_id = :project_id"
OF_JOB = "t.job_id = any(:jobs)"
OF_TAKE = f"{OF_PROJECT} and t.asset_id = any(:assets)"


@dataclass(frozen=True)
class Carried:
    """A table in the archive.

    where: the SQL condition that selects its rows `t`.
    left_out: columns that are not archived.
    files: columns that hold the path of a file.
    numbered_json: JSON columns that contain ids.
    given: values that an imported row gets in columns that were left out.
    """

    name: str
    where: str = OF_PROJECT
    left_out: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    numbered_json: frozenset[str] = frozenset()
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        return METADATA.tables[self.name]

    @property
    def member(self) -> str:
        return self.table.name


NEW_UUID = "a new UUID"  # a value of `given`
PROJECTS, BRANCHES, SCENES = "anime_api.anime_projects", "anime_api.branches", "anime_api.scenes"
JOBS, ASSETS, CHARACTERS = "anime_api.production_jobs", "public.assets", "anime_api.characters"

RUN_OF_JOB = frozenset(
    {
        "comfyui_job_id",
        "flow_run_id",
        "heartbeat_at",
        "deadline_at",
        "launch_after",
        "attempt",
        "launches",
        "crashes",
        "run_settled",
        "step",
    }
)

CARRIED = (  # in writing order; RowsIn.finish sets the references to later rows
    Carried(PROJECTS, "t.id = :project_id", left_out=frozenset({"deleted_at"})),
    Carried("anime_api.projects"),
    Carried("anime_api.commits"),
    Carried(BRANCHES),
    Carried("anime_api.tags"),
    Carried(CHARACTERS),
    Carried("anime_api.project_bibles"),
    Carried("anime_api.style_templates"),
    Carried("public.episodes", left_out=frozenset({"published_path", "published_at"}), files=frozenset({"video_path"})),
    Carried("anime_api.bible_characters"),
    Carried(SCENES, files=frozenset({"video_path"})),
    Carried("public.story_arcs"),
    Carried("anime_api.story_timelines"),
    Carried("anime_api.storyline_context"),
    Carried("anime_api.bible_history"),
    Carried("public.cultural_elements"),
    Carried(
        JOBS,
        "t.id = any(:jobs)",
        left_out=RUN_OF_JOB,
        files=frozenset({"output_path"}),
        numbered_json=frozenset({"parameters", "steps"}),
        given={"comfyui_job_id": NEW_UUID, "launch_after": None, "run_settled": True},
    ),
    Carried(ASSETS, "t.id = any(:assets)", files=frozenset({"path"}), numbered_json=frozenset({"provenance"})),
    Carried(
        "public.render_queue",
        f"{OF_JOB} and t.state = 'completed' and t.asset_id = any(:assets)",
        left_out=frozenset({"prompt_id", "flow_run_id", "worker", "process", "heartbeat_at"}),
        given={"prompt_id": NEW_UUID},
    ),
    Carried("public.quality_assessments", OF_JOB),
    Carried("anime_api.quality_metrics", OF_JOB),
    Carried(
        "anime_api.music_scene_sync",
        "t.scene_id in (select s.id from anime_api.scenes s where s.project_id = :project_id)",
        left_out=frozenset({"track_id", "playlist_id"}),
        files=frozenset({"audio_path"}),
    ),
    Carried("public.feedback", OF_TAKE),
    Carried("public.training_examples", OF_TAKE),
    Carried("public.character_appearances", OF_TAKE),
    Carried("public.creative_decisions", numbered_json=frozenset({"details"})),
    Carried("public.cultural_validations"),
    Carried("public.production_schedule", numbered_json=frozenset({"parameters"})),
    Carried("anime_api.user_creative_preferences"),
)
BY_NAME = {table.name: table for table in CARRIED}

# JSON keys that hold ids, and the table of each. None: the table is not archived.
IDS_IN_JSON: Mapping[str, str | None] = {
    "project_id": PROJECTS,
    "branch_id": BRANCHES,
    "scene_id": SCENES,
    "character_id": CHARACTERS,
    "asset_id": ASSETS,
    "reused_from_asset": ASSETS,
    "joined_from_assets": ASSETS,
    "retimed_from_asset": ASSETS,
    "music_scene_sync_id": "anime_api.music_scene_sync",
    "track_id": None,
    "job_id": JOBS,
}
ROW = "$row"  # {"$row": ["assets", 3]} is the third row of that table

CHOSEN_ASSETS = f"""
    with named as (
        select accepted_asset_id as id from anime_api.scenes where project_id = :project_id
        union select asset_id from public.episodes where project_id = :project_id
        union select asset_id from public.feedback where project_id = :project_id
        union select asset_id from public.training_examples where project_id = :project_id
        union select asset_id from public.character_appearances where project_id = :project_id
        union select asset_id from public.creative_decisions where project_id = :project_id
        union select y.output_asset_id from anime_api.music_scene_sync y
            join anime_api.scenes s on s.id = y.scene_id where s.project_id = :project_id
        union select output_asset_id from {JOBS} where project_id = :project_id and status = 'completed'),
    without_music as (
        select cast(a.provenance ->> 'retimed_from_asset' as bigint) as id from {ASSETS} a join named using (id)
        where jsonb_typeof(a.provenance -> 'retimed_from_asset') = 'number')
    select a.id from {ASSETS} a
    where (a.project_id = :project_id or a.project_id is null) and not jsonb_exists(a.provenance, 'imported_as')
    and a.id in (select id from named union select id from without_music)
    order by a.id"""
CHOSEN_JOBS = f"""
    select j.id from {JOBS} j
    where (j.project_id = :project_id or j.project_id is null)
    and j.status not in ('processing', 'segments_queued')
    and (j.status <> 'completed' or j.output_asset_id = any(:assets))
    and j.id in (select job_id from {ASSETS} where id = any(:assets))
    order by j.id"""


@cache
def references(name: str) -> Mapping[str, str]:
    """Return the columns of a table that hold ids of rows, with the name of their table; `project_id` is left out."""
    return {
        element.parent.name: element.column.table.fullname
        for constraint in METADATA.tables[name].foreign_key_constraints
        for element in constraint.elements
        if element.column.name == "id" and element.parent.name != "project_id"
    }


def order_of(table: Table) -> str:
    """Return the ORDER BY clause: the primary key."""
    return ", ".join(f"t.{column.name}" for column in table.primary_key)
