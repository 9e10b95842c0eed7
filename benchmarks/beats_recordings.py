"""Real recordings that Debian's game packages carry, and the beats on which two reference trackers agree.

Nothing is downloaded unless `--download` asks for it. The packages are pinned by version and SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import mir_eval
import numpy as np
from av.audio.frame import AudioFrame

from benchmarks.beats_band import RATE_HZ
from benchmarks.beats_trackers import BeatEstimate, Times

PACKAGES = {  # name: (version, SHA-256 of the .deb)
    "asc-music": ("1.3-6", "369f2d396adb8db9003ef73b797d529e284a7764a5ff4b59a50a4c8b9294da5f"),
    "drascula-music": ("1.0+ds4-2", "340e0beb1bacf005cbabebc07ebdd88adf6aee363d437f8a7d73cb0c77a93e79"),
    "extremetuxracer-data": ("0.8.2-1", "8ce6c82e6fb89549d284f43f6c4b0a9d82e6c0e5da753bee0ef419276a21470c"),
    "freedroidrpg-data": ("1.0-1", "16c3cfeb82b1ec20c98493bbe1de2e356bd1aec832845630a5a7f12e303baa2b"),
    "fretsonfire-songs-muldjord": ("2.dfsg-2.1", "b37adf8b08b46d4182c283e760e4f40622d83674e05803960ea1e11a92600c7b"),
    "fretsonfire-songs-sectoid": ("1.dfsg-3.1", "14c1ed3e43c1a6a80eae7698f0469a0825cd1184e441968d62df89ca418aa0b4"),
    "frozen-bubble-data": ("2.212-11", "39cdfd07d9532d1558762cf265a844d09015c4540568573c50f444cc084166e0"),
    "hedgewars-data": ("1.0.2-6", "722225903a72604403e6e0026e40e9a6953f47a74d94efc5f55504bc05bb4761"),
    "hyperrogue-music": ("12.0q-1", "61ab9f4c2169442d85f42c42d26e80c1a18b93c741f3d44f1b9d83015904e7f7"),
    "lincity-ng-data": ("2.9~git20150314-5", "8f5e85bd42879abdc7099b035d7a3d7468eceb6b93b52a12270c28f3f3c792f9"),
    "planetblupi-music-ogg": ("1.14.2-3", "7d89a6d00b43cdb601e35256ab1a62814d203b5922cfed6a0e73e98486e82fa6"),
    "singularity-music": ("007-2", "139ba1e408eeb0a72f1fff3760ca46558b9f81bed97dc8c0efa108c4007f4845"),
    "supertux-data": ("0.6.3-2", "a6ad8865972f1dbb5e7b49f4e1b381dd16a68f3028a3502cfeaca2400285d27f"),
    "trackballs-data": ("1.3.4-1", "ebc05f997c12896d8a0016990efbf01445b65b66f1eb45759a6277426cc13dac"),
    "warmux-data": ("1:11.04.1+repack2-4", "cceec72afcc9d5b0515149eb505bf0d883bd47399e602b30a805cafa2d91eb70"),
    "warzone2100-music": ("4.3.3-3", "d3b2c9f90ea5438d45d4aff18339a03ec808e1affa9dac91f7dad61cb15ee64e"),
    "wesnoth-1.16-music": ("1:1.16.9-1", "f9bc3cde92b4ab30db5d7b85f89b4bcc3d788dd92602956d0347250850bf59bb"),
}
FORMATS = (".ogg", ".opus", ".mp3")
SINGLE_INSTRUMENTS = ("guitar", "rhythm")  # stems of Frets on Fire, beside the whole song
MIN_BYTES = 900_000  # shorter files are jingles
MOST_OF_ONE, MOST_ORCHESTRAL = 5, 14  # tracks of one package; Wesnoth's are the orchestral ones
START_S, EXCERPT_S = 15.0, 60.0  # introductions are left out
BROKEN = ("hr-savino-ocean.ogg",)  # FFmpeg finds no sound in it
SAME_TEMPO, SAME_BEAT_S, MOST_BEATS = 0.04, 0.07, 0.7
REFERENCES = 2
OCTAVES = (1 / 3, 1 / 2, 1, 2, 3)


@dataclass(frozen=True)
class Recording:
    """An excerpt of one recording. `votes`: the beats of each reference."""

    name: str
    path: Path
    votes: dict[str, Times]

    @property
    def truths(self) -> tuple[Times, ...]:
        """The beats of both references where they agree; empty where they do not."""
        first, second = self.votes.values()
        return (first, second) if is_same_pulse(first, second) else ()


def download_packages(folder: Path) -> None:
    """Download and unpack the packages with apt and dpkg. Raises ValueError for other content than the pinned one."""
    for name, (version, wanted) in PACKAGES.items():
        if (folder / name).exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", f"{name}={version}"], cwd=folder, check=True)
        (package,) = folder.glob(f"{name}_*.deb")
        if hashlib.sha256(package.read_bytes()).hexdigest() != wanted:
            raise ValueError(f"{package.name} is not the pinned one")
        subprocess.run(["dpkg", "-x", package.name, name], cwd=folder, check=True)


def load_recordings(folder: Path, python: Path, *, kept_only: bool) -> list[Recording]:
    """The excerpts with the references' beats, which `python` computes unless they are kept in `folder`.

    `kept_only` leaves out the recordings whose beats are not kept yet.
    """
    excerpts = {_name(folder, source): _excerpt(folder, source) for source in _chosen(folder)}
    votes = _votes(folder / "references.jsonl", python, [] if kept_only else list(excerpts.values()))
    return [
        Recording(name, path, votes[path.name])
        for name, path in excerpts.items()
        if len(votes.get(path.name, ())) == REFERENCES
    ]


def is_same_pulse(one: Times, other: Times) -> bool:
    """Whether two sequences name the same tempo within 4 %, or a related octave, and place most beats alike."""
    if len(one) < 8 or len(other) < 8:
        return False
    ratio = median_bpm(one) / median_bpm(other)
    if min(abs(ratio / octave - 1) for octave in OCTAVES) > SAME_TEMPO:
        return False
    sparse, dense = sorted((one, other), key=len)
    inside = sparse[(sparse >= dense[0] - SAME_BEAT_S) & (sparse <= dense[-1] + SAME_BEAT_S)]
    near = np.abs(inside[:, None] - dense[None, :]).min(axis=1) <= SAME_BEAT_S
    return len(near) > 0 and float(near.mean()) >= MOST_BEATS


def agrees(found: BeatEstimate, truths: Sequence[Times]) -> bool:
    """Whether an estimate is the pulse of either reference, in any octave."""
    return any(is_same_pulse(found.beats_s, truth) for truth in truths)


def best_f_measure(found: BeatEstimate, truths: Sequence[Times]) -> float:
    """F within 70 ms, beside the reference that is nearer."""
    trim = mir_eval.beat.trim_beats
    return max(float(mir_eval.beat.f_measure(trim(truth), trim(found.beats_s))) for truth in truths)


def median_bpm(beats_s: Times) -> float:
    return float(60 / np.median(np.diff(beats_s)))


def _chosen(folder: Path) -> Iterator[Path]:
    """At most MOST_OF_ONE recordings of each package, spread over its names."""
    for name in PACKAGES:
        found = sorted(
            path for path in (folder / name).rglob("*")
            if path.suffix in FORMATS and path.stem not in SINGLE_INSTRUMENTS and path.name not in BROKEN
            and path.stat().st_size >= MIN_BYTES
        )  # fmt: skip
        most = MOST_ORCHESTRAL if name.startswith("wesnoth") else MOST_OF_ONE
        for place in np.unique(np.linspace(0, len(found) - 1, most).round().astype(int)) if found else ():
            yield found[place]


def _name(folder: Path, source: Path) -> str:
    inside = source.relative_to(folder)
    return f"{inside.parts[0]}: {inside.parent.name}/{inside.name}"


def _excerpt(folder: Path, source: Path) -> Path:
    """EXCERPT_S as mono WAV, so that every tracker reads the same samples."""
    key = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    path = folder / "excerpts" / f"{key}.wav"
    if path.exists():
        return path
    path.parent.mkdir(exist_ok=True)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(str(source), metadata_errors="replace") as container, wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        for frame in container.decode(audio=0):
            if not isinstance(frame, AudioFrame) or frame.time is None or frame.time < START_S:
                continue
            for piece in resampler.resample(frame):
                out.writeframes(piece.to_ndarray().astype("<i2").tobytes())
            if out.tell() >= EXCERPT_S * RATE_HZ:
                break
    return path


def _votes(kept: Path, python: Path, paths: Sequence[Path]) -> dict[str, dict[str, Times]]:
    """The beats of each reference by file name; computed ones are appended to `kept`."""
    found = _read_votes(kept)
    missing = [str(path) for path in paths if len(found.get(path.name, ())) < REFERENCES]
    if missing:
        script = Path(__file__).with_name("beats_references.py")
        with kept.open("a") as out:
            subprocess.run([str(python), str(script), *missing], stdout=out, check=True)
        found = _read_votes(kept)
    return found


def _read_votes(kept: Path) -> dict[str, dict[str, Times]]:
    found: dict[str, dict[str, Times]] = {}
    for line in kept.read_text().splitlines() if kept.exists() else ():
        vote = json.loads(line)
        found.setdefault(Path(vote["path"]).name, {})[vote["tracker"]] = np.array(vote["beats_s"])
    return found
