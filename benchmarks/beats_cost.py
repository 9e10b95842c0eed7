"""The cost of beat tracking: time compared with a bare decode and librosa, and memory."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np

from benchmarks import beats_corpus
from benchmarks.beats_band import RATE_HZ, Signal
from benchmarks.beats_trackers import track_with_librosa
from benchmarks.report import Figure
from tower.beats.analysis import analyse
from tower.beats.pool import AnalyserPool

WARM_S, COLD_S, FLOORS = 0.5, 1.2, 2.0


def time_figures(folder: Path, runs: int = 5) -> Iterator[Figure]:
    """Times for a song of 180 s as mp3; the methods run alternately."""
    song = encode_mp3(
        folder / "song.mp3",
        beats_corpus.synthesise_track("rock", "rock", beats_corpus.even_beats(121, 180), held_back=False).samples,
    )
    pool = AnalyserPool(1)
    measured: dict[str, list[float]] = {name: [] for name in ("decode", "warm", "cold", "librosa warm", "librosa cold")}
    try:
        _pooled(pool, song)
        track_with_librosa(song)
        for _ in range(runs):
            measured["decode"].append(_seconds(lambda: decode(song)))
            measured["warm"].append(_seconds(lambda: _pooled(pool, song)))
            measured["librosa warm"].append(_seconds(lambda: track_with_librosa(song)))
    finally:
        pool.stop()
    for _ in range(max(2, runs - 2)):
        measured["cold"].append(_seconds(lambda: _in_new_process(song)))
        measured["librosa cold"].append(
            _cold("import librosa; y, sr = librosa.load(sys.argv[1]); librosa.beat.beat_track(y=y, sr=sr)", song)
        )
    yield Figure(
        "load of the machine when time was measured (1 minute)", f"{os.getloadavg()[0]:.1f}", f"{os.cpu_count()} cores"
    )
    floor, warm, cold = (statistics.median(measured[name]) for name in ("decode", "warm", "cold"))
    shown = {name: _spread(values) for name, values in measured.items()}
    yield Figure("bare decode of the 180-s mp3 (PyAV)", shown["decode"])
    yield Figure(
        "analysis, warm process", shown["warm"], f"librosa {shown['librosa warm']}", f"≤ {WARM_S} s", warm <= WARM_S
    )
    yield Figure(
        "the same beside the bare decode", f"{warm / floor:.1f}×", "", f"≤ {FLOORS:.0f}×", warm <= FLOORS * floor
    )
    yield Figure(
        "analysis, new process", shown["cold"], f"librosa {shown['librosa cold']}", f"≤ {COLD_S} s", cold <= COLD_S
    )


def memory_figures(folder: Path) -> Iterator[Figure]:
    """The peak memory of a process that analyses clicks and noise of ten minutes, and of two hours."""
    peaks = {}
    for minutes in (10, 120):
        path = folder / "long.wav"
        _long_wav(path, minutes * 60)
        result = subprocess.run(
            [sys.executable, "-m", "benchmarks.beats", "--listen", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        peak, seconds, bpm = result.stdout.split()
        peaks[minutes] = int(peak)
        yield Figure(
            f"peak memory for {minutes} minutes", f"{int(peak)} MB", f"{float(seconds):.1f} s, {bpm} BPM found (120)"
        )
    grown = peaks[120] - peaks[10]
    yield Figure("memory that 110 minutes more take", f"{grown} MB", "", "≤ 100 MB", grown <= 100)


def analyse_file(path: Path) -> None:
    """Analyse a file and print the peak memory in MB, the seconds and the tempo. Runs in a separate process."""
    began = time.perf_counter()
    found = analyse(path)
    print(_peak_mb(), time.perf_counter() - began, found.bpm)


def encode_mp3(path: Path, samples: Signal) -> Path:
    stereo = np.repeat(samples.astype(np.float32)[None, :], 2, axis=0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ)
        stream.layout, stream.bit_rate = "stereo", 192_000
        for start in range(0, stereo.shape[1], 46_080):
            piece = np.ascontiguousarray(stereo[:, start : start + 46_080])
            frame = av.AudioFrame.from_ndarray(piece, "fltp", "stereo")
            frame.sample_rate, frame.pts = RATE_HZ, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode(path: Path) -> None:
    with av.open(str(path)) as container:
        for _ in container.decode(audio=0):
            pass


def _long_wav(path: Path, seconds: int) -> None:
    """Write the file one minute at a time."""
    rng = np.random.default_rng(5)
    tick = np.exp(-np.arange(400) / 60) * np.sin(np.arange(400) / 3)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        for _ in range(seconds // 60):
            minute = rng.normal(0, 0.01, 22_050 * 60)
            for start in range(0, len(minute), 11_025):
                minute[start : start + 400] += 0.5 * tick
            file.writeframes((minute * 32767).astype("<i2").tobytes())


def _peak_mb() -> int:
    """The peak resident memory of this process. getrusage would include that of the parent process."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def _pooled(pool: AnalyserPool, song: Path) -> None:
    with song.open("rb") as file:
        pool.analyse(file)


def _in_new_process(song: Path) -> None:
    pool = AnalyserPool(1)
    try:
        _pooled(pool, song)
    finally:
        pool.stop()


def _cold(code: str, song: Path) -> float:
    program = f"import sys\nfrom pathlib import Path\n{code}"
    return _seconds(lambda: subprocess.run([sys.executable, "-c", program, str(song)], check=True))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} s ({min(values):.2f}–{max(values):.2f}, n={len(values)})"
