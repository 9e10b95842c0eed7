"""The tables that an archive holds, and why it leaves the others out."""

from __future__ import annotations

from db.models import METADATA
from tower.archives.tables import ARCHIVED_TABLES

NOT_CARRIED = {
    "anime_api.version_objects": "carried as versions/objects.jsonl",
    "anime_api.echo_orchestration_logs": "what was done on this machine, with its runs and jobs",
    "anime_api.generation_analytics": "seconds of this machine",
    "public.generation_requests": "answers that this server gave",
    "public.learning_models": "files of this machine",
    "public.workflows": "of all projects; a take carries its whole graph",
    "public.workers": "of this machine",
    "public.configuration": "of this machine",
    "public.api_keys": "of this machine",
}


def test_every_table_is_carried_or_left_for_a_reason() -> None:
    """Others have no way to a project: the music of the house, and what it sounds like."""
    carried = {one.name for one in ARCHIVED_TABLES}
    assert not carried & set(NOT_CARRIED)
    for table in METADATA.tables.values():
        if table.fullname not in carried | set(NOT_CARRIED):
            assert not {key.column.table.fullname for key in table.foreign_keys} & carried, table.fullname
