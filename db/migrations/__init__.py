"""Alembic's migrations: how the database of an older Tower becomes that of this one."""
