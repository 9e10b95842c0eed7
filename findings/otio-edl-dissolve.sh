#!/usr/bin/env bash
# OpenTimelineIO 0.18.1 with otio-cmx3600-adapter 1.0.0 and otio-fcp-adapter 1.0.0, none of which says a word:
# 1. An EDL with a dissolve is read back with the incoming clip linked to the outgoing clip's file: the reader knows
#    "FROM CLIP" and not "TO CLIP". A comment "OTIO REFERENCE CLIP: <url>" on each clip helps, as the last one counts.
# 2. The writer repeats the markers of the outgoing clip at the dissolve, so one LOC becomes two.
# 3. FCP XML: a GeneratorReference (a title card) raises UnboundLocalError; so do rates of 8 and 12 fps, with ValueError.
#
# Seen on 2026-11-29, Python 3.11, Linux. Fails if any of it changes. Needs python3.11 or newer, a package index, a minute.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opentimelineio==0.18.1 otio-cmx3600-adapter==1.0.0 otio-fcp-adapter==1.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

schema, adapters = otio.schema, otio.adapters


def clip(name, rate, comments=(), generator=False):
    available = TimeRange(RationalTime(0, rate), RationalTime(200, rate))
    media = schema.ExternalReference(f"file:///media/{name}.mp4", available)
    if generator:
        media = schema.GeneratorReference(name, "card", available)
    made = schema.Clip(name, media, TimeRange(RationalTime(24, rate), RationalTime(48, rate)))
    made.metadata["cmx_3600"] = {"reel": name.upper(), "comments": list(comments)}
    return made


def timeline(rate, *parts):
    made = schema.Timeline("cut", global_start_time=RationalTime(0, rate))
    made.tracks.append(schema.Track("V1", parts, kind="Video"))
    return made


def dissolved(comment=None):
    offset = RationalTime(6, 24)
    between = schema.Transition("", "SMPTE_Dissolve", offset, offset)
    first, last = (clip(name, 24, ["LOC: 00:00:00:05 RED     mark"] if name == "one" else ()) for name in ("one", "two"))
    for one in (first, last) if comment else ():
        one.metadata["cmx_3600"]["comments"].append(f"{comment}: {one.media_reference.target_url}")
    return adapters.write_to_string(timeline(24, first, between, last), "cmx_3600", rate=24)


def urls(text):
    return [one.media_reference.target_url for one in adapters.read_from_string(text, "cmx_3600", rate=24).find_clips()]


def error(*parts, rate=24):
    try:
        adapters.write_to_string(timeline(rate, *parts), "fcp_xml")
    except Exception as raised:
        return type(raised).__name__
    return None


own, other = "file:///media/two.mp4", "file:///media/one.mp4"
found = {
    "plain": urls(dissolved()),
    "with a reference": urls(dissolved("OTIO REFERENCE CLIP")),
    "markers": dissolved().count("LOC:"),
    "generator": error(clip("card", 24, generator=True)),
    "8 fps": error(clip("one", 8), rate=8),
    "12 fps": error(clip("one", 12), rate=12),
}
for name, value in found.items():
    print(name, value)
assert found == {
    "plain": [other, other],
    "with a reference": [other, own],
    "markers": 2,
    "generator": "UnboundLocalError",
    "8 fps": "ValueError",
    "12 fps": "ValueError",
}
PYTHON
