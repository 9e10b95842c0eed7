"""`tower music`: scans, imports and searches the music library, and makes an example."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, print_note, require_addresses
from deployments.cli.exits import ExitCode
from deployments.cli.option_words import refusals_name_options
from deployments.cli.printing import print_json, print_line
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from tower.clients.music import MusicClient

POLL_S = 0.5
COUNTS = ("unchanged", "added", "changed", "moved", "missing", "unreadable")


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="The music library: scan its folders, import lists, search, make an example.", no_args_is_help=True
    )
    group.command("scan")(scan)
    group.command("import")(import_list)
    group.command("search")(search)
    group.command("example")(example)
    app.add_typer(group, name="music")


def scan(
    *,
    measure: Annotated[bool, typer.Option(help="Then measure the sound of every unmeasured track.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Scan the library folders (<data>/media, TOWER_MEDIA_ROOTS, TOWER_MUSIC_DIRS) and add their tracks.

    Ctrl-C cancels the scan; tracks that it has added stay.

    Example:  TOWER_MUSIC_DIRS=/srv/music tower up    and beside it    tower music scan
    """
    with connect_music() as api:
        ended = _wait_for_scan(api, api.start_scan(measure=measure)["id"])
        listed = api.list_unreadable_files(ended["id"]) if ended["unreadable"] else []
    if as_json:
        print_json({**ended, "unreadable_files": listed})
    else:
        for file in listed:
            print_note(f"not added: {file['path']}: {file['reason']}")
        print_line(_format_counts(ended))
    if ended["state"] != "completed":
        print_note(f"The scan ended as {ended['state']}" + (f": {ended['error']}" if ended["error"] else ""))
        raise typer.Exit(ExitCode.FAILED)


def import_list(
    file: Annotated[Path, typer.Argument(help="A Library.xml, .m3u8 or .m3u under the library folders.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Import a library that Apple Music or iTunes exported (File → Library → Export Library…), or a playlist.

    TOWER_MUSIC_MOVED translates folders of another machine: /Users/kai/Music=/srv/music.

    Example:  tower music import /srv/music/Library.xml
    """
    with connect_music() as api, refusals_name_options({"path": "FILE"}):
        imported = api.import_list(str(file.absolute()))
    if as_json:
        print_json(imported)
        return
    for entry in imported["skipped"]:
        print_note(f"skipped: {entry['what']}: {entry['reason']}")
    for entry in imported["differences"]:
        print_note(f"note: {entry['what']}: {entry['difference']}")
    counts = f"{imported['tracks_known']} tracks, {imported['playlists']} playlists"
    print_line(f"{counts}; {imported['skipped_count']} entries skipped")


def search(
    words: Annotated[list[str], typer.Argument(help="Words of the title, artist or album.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Find tracks by title, artist or album, in any script.

    Example:  tower music search 夜に駆ける
    """
    with connect_music() as api, refusals_name_options({"q": "WORDS", "limit": "--limit"}):
        found = api.search(" ".join(words), limit=limit)
    if as_json:
        print_json(found)
        return
    for track in found:
        bpm = f"{track['bpm']:.0f} BPM" if track["bpm"] else ""
        print_line(f"{track['id']:>7}  {track['artist'] or '–'} – {track['title']}  {bpm}")


def example(
    *,
    bpm: Annotated[float, typer.Option(min=40, max=240, help="Its tempo.")] = 120,
    seconds: Annotated[float, typer.Option(min=4, max=600, help="Its length.")] = 16,
) -> None:
    """Make a short piece with a steady beat in the media folder and print its path, for trying Tower without music.

    Example:  tower music example --bpm 96
    """
    from tower.library.example import write_example

    print_line(str(write_example(load_settings().media / f"example-{bpm:g}.wav", bpm=bpm, length_s=seconds)))


@contextmanager
def connect_music() -> Iterator[MusicClient]:
    """The music API of the running stack. Raises StackError if none runs."""
    from tower.clients.music import MusicClient

    mine = load_settings()
    with MusicClient(require_addresses(mine).music_url, key=mine.api_key) as api:
        yield api


def _wait_for_scan(api: MusicClient, scan_id: int) -> Any:
    shown = ""
    try:
        while (now := api.get_scan(scan_id))["ended_at"] is None:
            if (line := _format_counts(now)) != shown:
                print_note(shown := line)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        api.cancel_scan(scan_id)
        raise
    return now


def _format_counts(scan: dict[str, Any]) -> str:
    total = f" of {scan['files_total']}" if scan["files_total"] is not None else ""
    counts = ", ".join(f"{scan[name]} {name}" for name in COUNTS if scan[name])
    return f"{scan['files_seen']}{total} files: {counts or 'nothing yet'}"
