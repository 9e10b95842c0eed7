"""The database as the migrations create it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from db import engine as database
from db import migrate
from db.base import Base
from db.models import METADATA
from deployments.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
# named as in the two documents
ANIME_API = """
    anime_projects projects characters scenes project_bibles bible_characters bible_history
    production_jobs quality_metrics generation_analytics style_templates
    branches commits tags
    music_scene_sync user_creative_preferences
    echo_orchestration_logs story_timelines storyline_context
"""
PUBLIC = """
    episodes assets character_appearances story_arcs generation_requests quality_assessments render_queue workflows
    learning_models training_examples production_schedule feedback creative_decisions cultural_elements
    cultural_validations
"""
OURS = {
    "anime_api.version_objects",
    "public.alembic_version",
    "public.api_keys",
    "public.batches",
    "public.beat_analyses",
    "public.configuration",
    "public.library_scans",
    "public.library_unreadable",
    "public.playlist_tracks",
    "public.playlists",
    "public.publications",
    "public.tracks",
    "public.webhook_deliveries",
    "public.webhooks",
    "public.workers",
}
NAMED = {f"anime_api.{name}" for name in ANIME_API.split()} | {f"public.{name}" for name in PUBLIC.split()}
TABLES = Path(__file__).parents[2] / "docs" / "tables.md"

IS_OURS = "n.nspname in ('anime_api', 'public') and c.relname <> 'alembic_version'"
CATALOG = {
    "tables": f"""
        select n.nspname || '.' || c.relname, obj_description(c.oid, 'pg_class')
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm') and {IS_OURS}""",
    "columns": f"""
        select n.nspname || '.' || c.relname || '.' || a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
            a.attnotnull, a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and {IS_OURS}""",
    "constraints": f"""
        select n.nspname || '.' || c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
        from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        where {IS_OURS}""",
    "indexes": f"""
        select n.nspname || '.' || i.relname, pg_get_indexdef(i.oid)
        from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
        join pg_namespace n on n.oid = c.relnamespace
        where {IS_OURS}""",
    "types and sequences": f"""
        select n.nspname || '.' || c.relname, c.relkind::text
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('S', 'c') and {IS_OURS}""",
}
Catalog = dict[str, dict[str, tuple[object, ...]]]


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database without tables."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("create database tower_empty template template0")
        yield postgres.url("tower_empty")
        connection.execute("drop database tower_empty with (force)")


def test_models_and_migrations_agree_to_the_last_comment(engine: Engine, empty_url: str) -> None:
    from_models = database.open_engine(empty_url)
    with from_models.begin() as connection:
        connection.execute(text("create schema anime_api"))
        METADATA.create_all(connection)
    expected, actual = catalog(from_models), catalog(engine)
    from_models.dispose()
    assert len(expected["columns"]) > 300
    assert actual == expected


def test_upgrade_downgrade_upgrade_comes_back_to_the_same(engine: Engine, empty_url: str) -> None:
    scratch = database.open_engine(empty_url)
    assert migrate.current_revision(empty_url) is None
    before = catalog(scratch)

    migrate.upgrade(empty_url)
    first = catalog(scratch)
    assert migrate.current_revision(empty_url) == migrate.head_revision()

    alembic(empty_url, "downgrade", "base")
    assert migrate.current_revision(empty_url) is None
    assert catalog(scratch) == before
    with scratch.connect() as connection:
        assert connection.scalar(text("select to_regnamespace('anime_api')")) is None

    migrate.upgrade(empty_url)
    assert catalog(scratch) == first == catalog(engine)
    scratch.dispose()


def test_the_schemas_contain_exactly_the_named_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        actual = set(
            connection.scalars(
                text("select schemaname || '.' || tablename from pg_tables where schemaname in ('anime_api', 'public')")
            )
        )
    assert len(NAMED) == 34
    assert actual == NAMED | OURS


def test_docs_list_all_tables_and_only_code_that_exists() -> None:
    page = TABLES.read_text()
    documented = re.findall(r"^\| (anime_api|public) \| (\w+) \|", page, flags=re.MULTILINE)
    assert sorted(f"{schema}.{table}" for schema, table in documented) == sorted(NAMED)
    assert [path for path in re.findall(r"`([\w/]+\.py)`", page) if not (TABLES.parents[1] / path).is_file()] == []


def test_every_table_has_a_comment(engine: Engine) -> None:
    assert [name for name, (comment,) in catalog(engine)["tables"].items() if not comment] == []


def test_every_timestamp_has_a_time_zone(engine: Engine) -> None:
    kinds = {name: str(kind) for name, (_, kind, *_) in catalog(engine)["columns"].items()}
    timestamps = {name: kind for name, kind in kinds.items() if "time" in kind or "date" in kind}
    assert len(timestamps) > 40
    assert set(timestamps.values()) == {"timestamp with time zone"}


def test_every_foreign_key_defines_its_delete_rule() -> None:
    undecided = [
        key.name for table in METADATA.tables.values() for key in table.foreign_key_constraints if not key.ondelete
    ]
    assert undecided == []


def test_every_foreign_key_has_an_index(engine: Engine) -> None:
    slow = """
        select k.conrelid::regclass || ': ' || k.conname from pg_constraint k
        where k.contype = 'f' and not exists (
            select from pg_index x
            where x.indrelid = k.conrelid and x.indpred is null
            and (x.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        )"""
    with engine.connect() as connection:
        assert connection.scalars(text(slow)).all() == []


def test_all_models_are_mapped() -> None:
    assert {mapper.local_table for mapper in Base.registry.mappers} == set(METADATA.tables.values())


def catalog(engine: Engine) -> Catalog:
    """PostgreSQL's catalogue of our tables, by name."""
    with engine.connect() as connection:
        connection.execute(text("set local search_path = pg_catalog"))
        return {
            kind: {name: tuple(rest) for name, *rest in connection.execute(text(query))}
            for kind, query in CATALOG.items()
        }


def alembic(url: str, *command: str) -> None:
    """Run alembic in the folder of alembic.ini, as an operator does."""
    environment = {**os.environ, "TOWER_DATABASE_URL": url}
    subprocess.run([sys.executable, "-m", "alembic", *command], env=environment, cwd=ROOT, check=True)
