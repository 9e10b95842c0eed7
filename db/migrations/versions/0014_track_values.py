"""Each artist and genre of a track, and what an import gave to a playlist.

The next scan reads every file again: a time of change that no file has makes it do so.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE public.tracks
    ADD COLUMN artists JSONB DEFAULT '[]'::jsonb NOT NULL,
    ADD COLUMN genres JSONB DEFAULT '[]'::jsonb NOT NULL,
    ADD COLUMN genre_keys JSONB DEFAULT '[]'::jsonb NOT NULL;
UPDATE public.tracks SET
    artists = CASE WHEN artist IS NULL THEN '[]' ELSE jsonb_build_array(artist) END,
    genres = CASE WHEN genre IS NULL THEN '[]' ELSE jsonb_build_array(genre) END,
    genre_keys = CASE WHEN genre_text IS NULL THEN '[]' ELSE jsonb_build_array(genre_text) END,
    mtime_ns = -1;
DROP INDEX public.ix_tracks_genre_id;
CREATE INDEX ix_tracks_genre_keys ON public.tracks USING gin (genre_keys jsonb_path_ops);
COMMENT ON COLUMN public.tracks.artist IS 'all artists, joined by semicolons';
COMMENT ON COLUMN public.tracks.artists IS 'each artist of the tag';
COMMENT ON COLUMN public.tracks.genre IS 'all genres, joined by semicolons';
COMMENT ON COLUMN public.tracks.genres IS 'each genre of the tag';
COMMENT ON COLUMN public.tracks.genre_keys IS 'the normalised genres, and the parts of joined ones, for the filter';
COMMENT ON COLUMN public.tracks.genre_text IS 'the genres, normalised in the same way';
COMMENT ON COLUMN public.tracks.duration_s IS 'of the header and the packets, until the sound is decoded';
ALTER TABLE public.playlists ADD COLUMN imported_track_ids JSONB;
COMMENT ON COLUMN public.playlists.imported_track_ids IS
    'its tracks as they were imported last; null: made here, or not known';
COMMENT ON COLUMN public.playlists.source_id IS 'its library and id in it, or its file; null: made here';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMNS)


def downgrade() -> None:
    op.execute("alter table public.playlists drop column imported_track_ids")
    op.execute("drop index public.ix_tracks_genre_keys")
    op.execute("alter table public.tracks drop column artists, drop column genres, drop column genre_keys")
    op.execute("create index ix_tracks_genre_id on public.tracks (genre_text, id)")
