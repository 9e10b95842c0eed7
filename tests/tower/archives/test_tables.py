"""The tables that an archive contains, and the reason why it leaves others out."""

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
    "public.batches": "of the nights of this machine",
    "public.publications": "of the library of this machine",
    "public.webhooks": "their secrets, and addresses that the author of the archive does not choose for others",
    "public.workers": "of this machine",
    "public.configuration": "of this machine",
    "public.api_keys": "of this machine",
}


def test_every_table_is_archived_or_left_out_for_a_reason() -> None:
    """Some tables do not belong to a project: the music library and its analyses."""
    archived = {table.name for table in ARCHIVED_TABLES}
    assert not archived & set(NOT_CARRIED)
    for table in METADATA.tables.values():
        if table.fullname not in archived | set(NOT_CARRIED):
            assert not {key.column.table.fullname for key in table.foreign_keys} & archived, table.fullname
