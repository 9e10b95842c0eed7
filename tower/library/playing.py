"""Chooses what a player receives for a track: the file itself, or an Opus copy if browsers cannot play its codec."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlowError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream

from db.models.library import Track
from tower.errors import CancelledError, InvalidError, NotFoundError, TowerError
from tower.errors.codes import ErrorCode
from tower.library.reading import find_audio_stream, open_music
from tower.library.tracks import library_path_of
from tower.media.decode import MediaUnreadableError
from tower.media.files import write_atomically
from tower.media.roots import open_media

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg; codecs=opus",
    "wav": "audio/wav",
}
# The codecs that Chromium, Firefox and Safari all play. They do not play ALAC and the rare codecs of WAV.
PLAYABLE_CODECS = frozenset(
    {"mp3", "aac", "flac", "vorbis", "opus", "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"}
)
MAX_CHANNELS = 8
OPUS_RATE_HZ, OPUS_BIT_RATE = 48_000, 160_000
COPY_VERSION = 1  # of the copies
MAX_BYTES = 4 << 30  # of all copies together; the oldest are deleted first
COPY_TIMEOUT_S = 15.0  # how long a request waits for a copy


class NotReadyError(TowerError):
    """The Opus copy is not finished yet."""

    code = ErrorCode.BEING_PREPARED
    status = 503


@dataclass(frozen=True)
class Playable:
    path: Path
    media_type: str


def can_browsers_play(track: Track) -> bool:
    return track.codec in PLAYABLE_CODECS and track.channels <= MAX_CHANNELS


def original_file(track: Track, roots: Sequence[Path]) -> Playable:
    """The file itself. Raises NotFoundError if it is missing or no longer readable."""
    with open_track(track, roots):
        return Playable(library_path_of(track).full_path, MEDIA_TYPES[track.kind])


def open_track(track: Track, roots: Sequence[Path]) -> IO[bytes]:
    """Open the file of a track, inside the library folders only.

    Raises NotFoundError if it is missing or no longer readable.
    """
    path = library_path_of(track).full_path
    try:
        return open_media(path, roots=roots)
    except InvalidError as error:
        expected = (error.details or {}).get("expected")
        raise NotFoundError(
            f"The file of track {track.id} is no longer there: {path.name}",
            details={"path": str(path), "expected": expected},
            code=ErrorCode.FILE_MISSING,
        ) from error


class OpusCache:
    """Makes Opus copies, one per content hash, and keeps them under `folder`.

    Copies are made on `threads`, or on two threads of its own.
    """

    def __init__(self, folder: Path, *, threads: Executor | None = None) -> None:
        self._folder = folder
        self._threads = threads or ThreadPoolExecutor(max_workers=2, thread_name_prefix="opus")
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._making: dict[Path, Future[None]] = {}

    def get_copy(self, track: Track, roots: Sequence[Path]) -> Playable:
        """The copy of a track, made if there is none.

        Raises NotReadyError if it is not finished within COPY_TIMEOUT_S, and MediaUnreadableError.
        """
        target = self._folder / track.sha256[:2] / f"{track.sha256}.{COPY_VERSION}.ogg"
        if not target.exists():
            try:
                self._make(track, roots, target).result(timeout=COPY_TIMEOUT_S)
            except TooSlowError as slow:
                raise NotReadyError(
                    f"The Opus copy of track {track.id} is not finished yet: try again in a few seconds"
                ) from slow
        return Playable(target, MEDIA_TYPES["opus"])

    def stop(self) -> None:
        self._stopping.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _make(self, track: Track, roots: Sequence[Path], target: Path) -> Future[None]:
        with self._lock:
            if target in self._making:
                return self._making[target]
            making = self._threads.submit(self._write, open_track(track, roots), track.filename, target)
            self._making[target] = making
        making.add_done_callback(lambda _: self._forget(target))  # runs at once if the copy has already ended
        return making

    def _forget(self, target: Path) -> None:
        with self._lock:
            self._making.pop(target, None)

    def _write(self, file: IO[bytes], name: str, target: Path) -> None:
        with file, write_atomically(target) as part:
            transcode(file, name, part, self._stopping)
        self._delete_oldest(target)

    def _delete_oldest(self, newest: Path) -> None:
        copies = sorted(self._folder.glob("*/*.ogg"), key=lambda path: path.stat().st_mtime)
        total_bytes = sum(path.stat().st_size for path in copies)
        for path in copies:
            if total_bytes <= MAX_BYTES or path == newest:
                return
            total_bytes -= path.stat().st_size
            with suppress(FileNotFoundError):
                path.unlink()


def transcode(file: IO[bytes], name: str, target: Path, stopping: threading.Event) -> None:
    """Write the sound of `file` to `target` as stereo Opus at 48 kHz. Raises MediaUnreadableError, CancelledError."""
    with open_music(file, name) as source, av.open(str(target), "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=OPUS_RATE_HZ, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = OPUS_BIT_RATE
        sound = False
        for frame in _resampled(source.decode(find_audio_stream(source, name))):
            if stopping.is_set():
                raise CancelledError("The service is stopping")
            sound = True
            out.mux(stream.encode(frame))
        if not sound:
            raise MediaUnreadableError(f"{name} holds no sound that can be decoded")
        out.mux(stream.encode(None))


def _resampled(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Stereo frames at OPUS_RATE_HZ. A truncated file yields the frames that decode."""
    resampler = AudioResampler(format="flt", layout="stereo", rate=OPUS_RATE_HZ, frame_size=960)
    with suppress(av.FFmpegError):
        for frame in frames:
            frame.pts = None
            yield from resampler.resample(frame)
    yield from resampler.resample(None)
