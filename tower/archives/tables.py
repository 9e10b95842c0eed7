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

IN_PROJECT = "t.project_id = :project_id"
IN_JOBS = "t.job_id = any(:jobs)"
IN_TAKES = f"{IN_PROJECT} and t.asset_id = any(:assets)"


@dataclass(frozen=True)
class ArchivedTable:
    """A table in the archive.

    where: the SQL condition that selects its rows `t`.
    excluded_columns: columns that are not archived.
    file_columns: columns that hold the path of a file.
    json_id_columns: JSON columns that contain ids.
    import_values: values that an imported row gets in columns that were left out.
    """

    name: str
    where: str = IN_PROJECT
    excluded_columns: frozenset[str] = frozenset()
    file_columns: frozenset[str] = frozenset()
    json_id_columns: frozenset[str] = frozenset()
    import_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        return METADATA.tables[self.name]

    @property
    def member(self) -> str:
        return self.table.name


NEW_UUID = "a new UUID"  # a value of `import_values`
PROJECTS, BRANCHES, SCENES = "anime_api.anime_projects", "anime_api.branches", "anime_api.scenes"
JOBS, ASSETS, CHARACTERS = "anime_api.production_jobs", "public.assets", "anime_api.characters"

RUN_COLUMNS = frozenset(
    {
        "comfyui_job_id",
        "flow_run_id",
        "heartbeat_at",
        "deadline_at",
        "launch_after",
        "attempt",
        "launches",
        "crashes",
        "unclaimed_launches",
        "run_settled",
        "step",
        "waits_for",
    }
)

ARCHIVED_TABLES = (  # in writing order; RowImporter.resolve_forward_references sets those to later rows
    ArchivedTable(PROJECTS, "t.id = :project_id", excluded_columns=frozenset({"deleted_at", "series_key"})),
    ArchivedTable("anime_api.projects"),
    ArchivedTable("anime_api.commits"),
    ArchivedTable(BRANCHES),
    ArchivedTable("anime_api.tags"),
    ArchivedTable(CHARACTERS),
    ArchivedTable("anime_api.project_bibles"),
    ArchivedTable("anime_api.style_templates"),
    ArchivedTable(
        "public.episodes",
        excluded_columns=frozenset({"published_path", "published_at"}),
        file_columns=frozenset({"video_path"}),
    ),
    ArchivedTable("anime_api.bible_characters"),
    ArchivedTable(SCENES, file_columns=frozenset({"video_path"})),
    ArchivedTable("public.story_arcs"),
    ArchivedTable("anime_api.story_timelines"),
    ArchivedTable("anime_api.storyline_context"),
    ArchivedTable("anime_api.bible_history"),
    ArchivedTable("public.cultural_elements"),
    ArchivedTable(
        JOBS,
        "t.id = any(:jobs)",
        excluded_columns=RUN_COLUMNS,
        file_columns=frozenset({"output_path"}),
        json_id_columns=frozenset({"parameters", "steps"}),
        import_values={"comfyui_job_id": NEW_UUID, "launch_after": None, "run_settled": True},
    ),
    ArchivedTable(
        ASSETS, "t.id = any(:assets)", file_columns=frozenset({"path"}), json_id_columns=frozenset({"provenance"})
    ),
    ArchivedTable(
        "public.render_queue",
        f"{IN_JOBS} and t.state = 'completed' and t.asset_id = any(:assets)",
        excluded_columns=frozenset({"prompt_id", "flow_run_id", "worker", "process", "heartbeat_at"}),
        import_values={"prompt_id": NEW_UUID},
    ),
    ArchivedTable("public.quality_assessments", IN_JOBS),
    ArchivedTable("anime_api.quality_metrics", IN_JOBS),
    ArchivedTable(
        "anime_api.music_scene_sync",
        "t.scene_id in (select s.id from anime_api.scenes s where s.project_id = :project_id)",
        excluded_columns=frozenset({"track_id", "playlist_id"}),
        file_columns=frozenset({"audio_path"}),
    ),
    ArchivedTable("public.feedback", IN_TAKES),
    ArchivedTable("public.training_examples", IN_TAKES),
    ArchivedTable("public.character_appearances", IN_TAKES),
    ArchivedTable("public.creative_decisions", json_id_columns=frozenset({"details"})),
    ArchivedTable("public.cultural_validations"),
    ArchivedTable(
        "public.production_schedule",
        excluded_columns=frozenset(
            {"flow_run_id", "launches", "job_ids", "batch_id", "scenes", "postponed_until", "postponed_reason"}
        ),
        json_id_columns=frozenset({"parameters"}),
    ),
    ArchivedTable("anime_api.user_creative_preferences"),
)
TABLES_BY_NAME = {table.name: table for table in ARCHIVED_TABLES}

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
ROW_KEY = "$row"  # {"$row": ["assets", 3]} is the third row of that table

SELECT_ASSETS = f"""
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
SELECT_JOBS = f"""
    select j.id from {JOBS} j
    where (j.project_id = :project_id or j.project_id is null)
    and j.status not in ('processing', 'segments_queued')
    and (j.status <> 'completed' or j.output_asset_id = any(:assets))
    and j.id in (select job_id from {ASSETS} where id = any(:assets))
    order by j.id"""


@cache
def foreign_keys(name: str) -> Mapping[str, str]:
    """Return the columns of a table that hold ids of rows, with the name of their table; `project_id` is left out."""
    return {
        element.parent.name: element.column.table.fullname
        for constraint in METADATA.tables[name].foreign_key_constraints
        for element in constraint.elements
        if element.column.name == "id" and element.parent.name != "project_id"
    }


def primary_key_order(table: Table) -> str:
    """Return the ORDER BY clause: the primary key."""
    return ", ".join(f"t.{column.name}" for column in table.primary_key)
