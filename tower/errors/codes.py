"""Every error code, with its meaning and its remedy. docs/errors.md is generated from this list."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Codes are stable; messages may change. Each member has its code, its meaning and its remedy."""

    meaning: str
    remedy: str

    def __new__(cls, code: str, meaning: str, remedy: str) -> ErrorCode:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning, member.remedy = meaning, remedy
        return member

    INTERNAL_ERROR = "INTERNAL_ERROR", "Tower has an internal error.", "Look for the request id in the log."
    BAD_REQUEST = "BAD_REQUEST", "The request is not valid HTTP for this endpoint.", "Correct the request."
    INVALID_JSON = "INVALID_JSON", "The body is not valid JSON.", "The message says where it breaks."
    VALIDATION_ERROR = (
        "VALIDATION_ERROR",
        "A value that Tower cannot accept.",
        "`details` names the field, its value and the expected value.",
    )
    UNAUTHORIZED = "UNAUTHORIZED", "There is no API key, or none that is valid.", "Make one with `tower key create`."
    FORBIDDEN = (
        "FORBIDDEN",
        "The API key lacks a scope, or the page or machine of the request is not allowed.",
        "Use a key with the scope that `details` names, or list the page in `TOWER_CORS_ORIGINS`.",
    )
    NOT_FOUND = "NOT_FOUND", "The entity or the endpoint does not exist.", "Check the id, the branch and the path."
    METHOD_NOT_ALLOWED = (
        "METHOD_NOT_ALLOWED",
        "The path does not take this method.",
        "The header Allow lists the methods.",
    )
    CONFLICT = "CONFLICT", "The current state does not allow this.", "The message has the reason."
    PRECONDITION_FAILED = (
        "PRECONDITION_FAILED",
        "The entity or the branch has changed since it was read.",
        "Read it again and send its new ETag or head.",
    )
    IDEMPOTENCY_CONFLICT = (
        "IDEMPOTENCY_CONFLICT",
        "The Idempotency-Key was used for another request.",
        "Use a new key for a new request.",
    )
    BODY_TOO_LARGE = "BODY_TOO_LARGE", "The body is larger than the endpoint takes.", "Send less at once."
    UNSUPPORTED_MEDIA_TYPE = (
        "UNSUPPORTED_MEDIA_TYPE",
        "The Content-Type is not one that the endpoint takes.",
        "The message names the right one.",
    )
    RANGE_NOT_SATISFIABLE = (
        "RANGE_NOT_SATISFIABLE",
        "The byte range is outside the file.",
        "The header Content-Range has the size.",
    )
    REQUEST_TIMEOUT = (
        "REQUEST_TIMEOUT",
        "The request did not arrive in time.",
        "Send it without pauses.",
    )
    HEAD_TOO_LARGE = "HEAD_TOO_LARGE", "The address and the headers are too large.", "Send less in them."
    TOO_MANY_CONNECTIONS = (
        "TOO_MANY_CONNECTIONS",
        "The process has as many open connections as it allows.",
        "Close connections, or try again later.",
    )
    RATE_LIMITED = "RATE_LIMITED", "One caller sent too many requests.", "Wait as long as Retry-After says."
    UNAVAILABLE = (
        "UNAVAILABLE",
        "The database, Prefect, ComfyUI or another server does not answer.",
        "Try again in a moment, or run `tower doctor`.",
    )
    STACK_ERROR = "STACK_ERROR", "The stack cannot start or stop.", "Run `tower doctor`."
    PREFECT_REFUSED = "PREFECT_REFUSED", "Prefect refused a request from Tower.", "The message has Prefect's reason."
    PREFECT_UNAVAILABLE = "PREFECT_UNAVAILABLE", "Prefect does not answer.", "Run `tower doctor`."
    DATABASE_DISK_FULL = "DATABASE_DISK_FULL", "The disk of the database is full.", "Free some space on it."
    DISK_FULL = "DISK_FULL", "The disk of the data folder is full.", "Free some space, or run `tower purge`."

    CANCELLED = "CANCELLED", "The user cancelled the job.", "Retry the job to continue it."
    ATTEMPT_SUPERSEDED = (
        "ATTEMPT_SUPERSEDED",
        "A late result of a replaced attempt was refused.",
        "Nothing needs to be done.",
    )
    RUN_CRASHED = "RUN_CRASHED", "The run of the job crashed too often.", "Read the log of the run, then retry the job."
    RUN_NOT_STARTED = (
        "RUN_NOT_STARTED",
        "No worker could begin the run of the job.",
        "Look at `tower doctor` and the log of the worker, then retry the job.",
    )
    DEADLINE = "DEADLINE", "An attempt of the job took too long.", "Raise `TOWER_JOB_TIMEOUT_S`, then retry the job."
    RENDER_FAILED = "RENDER_FAILED", "The engine could not render the clip.", "The message has the engine's reason."
    MERGE_FAILED = "MERGE_FAILED", "The segments cannot be joined.", "Retry the job: it reuses the segments."
    ASSEMBLY_FAILED = (
        "ASSEMBLY_FAILED",
        "The film of an episode cannot be made, or it misses something that was promised.",
        "The message names it. Assemble again: finished parts are reused.",
    )
    NOT_AS_ASKED = (
        "NOT_AS_ASKED",
        "The clip has another size or length than the job requests.",
        "Check the workflow's size and frame nodes.",
    )
    TAKE_LOST = "TAKE_LOST", "The file of a take is missing or damaged.", "Render the scene again."
    NO_VIDEO = "NO_VIDEO", "The generation has no video.", "Look at its status and error."
    VIDEO_NOT_READY = (
        "VIDEO_NOT_READY",
        "The generation is not completed yet.",
        "Request it again when the status is completed.",
    )
    VIDEO_MISSING = "VIDEO_MISSING", "The file of the video is missing.", "Render it again."
    FILE_MISSING = "FILE_MISSING", "The file is missing from the disk.", "Put it back, or scan the library."
    MEDIA_UNREADABLE = "MEDIA_UNREADABLE", "The file is not a media file, or is incomplete.", "Use another file."
    BEING_PREPARED = "BEING_PREPARED", "A copy for browsers is being made.", "Request it again after Retry-After."

    ENGINE_UNAVAILABLE = (
        "ENGINE_UNAVAILABLE",
        "No machine can render with the engine, or it cannot be loaded.",
        "The message has the reason; see `tower doctor`.",
    )
    NO_COMFYUI = "NO_COMFYUI", "No ComfyUI is configured and no worker has one.", "Set `TOWER_COMFYUI_URL`."
    COMFYUI_UNREACHABLE = "COMFYUI_UNREACHABLE", "ComfyUI does not answer.", "Start it, or check its address."
    COMFYUI_BROKEN = "COMFYUI_BROKEN", "ComfyUI answers with errors.", "Read the log of ComfyUI."
    COMFYUI_LOCKED = (
        "COMFYUI_LOCKED",
        "ComfyUI, or the proxy before it, asks for a password.",
        "Set `TOWER_COMFYUI_USER` and `TOWER_COMFYUI_PASSWORD`, or `TOWER_COMFYUI_TOKEN`.",
    )
    COMFYUI_SICK = (
        "COMFYUI_SICK",
        "The disk of ComfyUI is full, or its graphics device fails.",
        "Free the disk, or restart ComfyUI; jobs wait until then.",
    )
    COMFYUI_OOM = "COMFYUI_OOM", "ComfyUI ran out of memory.", "Use a smaller size, or a larger card."
    COMFYUI_MISSING_MODEL = (
        "COMFYUI_MISSING_MODEL",
        "ComfyUI lacks a model that the workflow names.",
        "Put the file into ComfyUI's models folder.",
    )
    COMFYUI_BAD_MODEL = "COMFYUI_BAD_MODEL", "ComfyUI cannot load a model.", "Download the file again."
    COMFYUI_MISSING_NODE = "COMFYUI_MISSING_NODE", "ComfyUI lacks a node type.", "Install the node pack."
    COMFYUI_STALLED = "COMFYUI_STALLED", "ComfyUI makes no progress.", "Restart ComfyUI, then retry the job."
    COMFYUI_LOST = "COMFYUI_LOST", "ComfyUI no longer knows the prompt.", "Retry the job."
    COMFYUI_NO_FILE = "COMFYUI_NO_FILE", "The result of the prompt is not on ComfyUI's disk.", "Retry the job."
    COMFYUI_BAD_FILE = "COMFYUI_BAD_FILE", "The result of the prompt cannot be read.", "Retry the job."
    COMFYUI_INTERRUPTED = "COMFYUI_INTERRUPTED", "Another user interrupted the prompt in ComfyUI.", "Retry the job."
    COMFYUI_STOPPED_BEFORE = "COMFYUI_STOPPED_BEFORE", "ComfyUI stopped the prompt before it ran.", "Retry the job."
    COMFYUI_REFUSED = "COMFYUI_REFUSED", "ComfyUI refused the workflow.", "The message has ComfyUI's reason."
    COMFYUI_FAILED = "COMFYUI_FAILED", "A node of the workflow failed.", "The message has the node and its reason."
    COMFYUI_NO_WORKFLOW = "COMFYUI_NO_WORKFLOW", "The workflow does not exist.", "Add it with `tower workflow add`."
    COMFYUI_NO_REFERENCE = (
        "COMFYUI_NO_REFERENCE",
        "The workflow needs a reference image and the character has none.",
        "Give the character an `image_path`.",
    )
    COMFYUI_WRONG_FRAMES = (
        "COMFYUI_WRONG_FRAMES",
        "ComfyUI made another number of frames than the job requests.",
        "Check the workflow's frame nodes.",
    )

    SCENE_NOT_RENDERED = (
        "SCENE_NOT_RENDERED",
        "A scene of the film has no current take, although its render has ended, or it changed meanwhile.",
        "The message names each scene and the reason. Render them, then ask for the film again.",
    )
    EPISODE_INCOMPLETE = (
        "EPISODE_INCOMPLETE",
        "Scenes of the episode have no take, or it has no scenes.",
        "Render the scenes that the message names.",
    )
    NO_AUDIO = "NO_AUDIO", "The scene has no music.", "Set it with POST /api/anime/scenes/{scene_id}/audio."
    STRUCTURE_UNAVAILABLE = (
        "STRUCTURE_UNAVAILABLE",
        "librosa does not work here: beats are found, key and sections are not.",
        "`GET /api/bpm/health` says why.",
    )
    STRETCH_TOO_LARGE = (
        "STRETCH_TOO_LARGE",
        "A shot would have to be stretched or compressed beyond the bounds.",
        "Ask for fewer cuts on beats, or wider bounds.",
    )
    CONFORM_FAILED = (
        "CONFORM_FAILED",
        "The video and the music cannot be combined. Both stay unchanged.",
        "The message has the reason.",
    )
    LOUDNESS_NOT_MEASURED = "LOUDNESS_NOT_MEASURED", "ffmpeg cannot measure the loudness.", "Check the sound file."
    APPLE_MUSIC_NOT_CONFIGURED = (
        "APPLE_MUSIC_NOT_CONFIGURED",
        "No developer key for Apple Music is set.",
        "Set the `TOWER_APPLE_MUSIC_…` variables; the local library works without them.",
    )
    APPLE_MUSIC_REFUSED = "APPLE_MUSIC_REFUSED", "Apple Music refused the request.", "The message has its reason."

    JELLYFIN_UNAVAILABLE = "JELLYFIN_UNAVAILABLE", "Jellyfin does not answer.", "Start it, or run `tower doctor`."
    SIGNING_FAILED = (
        "SIGNING_FAILED",
        "A film cannot be marked with the certificate.",
        "Check `TOWER_SIGNING_CERTIFICATE` and `TOWER_SIGNING_KEY`.",
    )
    JELLYFIN_REFUSED = "JELLYFIN_REFUSED", "Jellyfin refused a call.", "The message has the reason."

    MERGE_CONFLICT = (
        "MERGE_CONFLICT",
        "Both branches changed the same field.",
        "Send `resolutions` for the paths in `details.conflicts`, or a `strategy`.",
    )
    HISTORY_DAMAGED = (
        "HISTORY_DAMAGED",
        "A commit refers to a missing object, or rows differ from their commit.",
        "Run `tower fsck`.",
    )
    ARCHIVE_REFUSED = (
        "ARCHIVE_REFUSED",
        "The file is not an archive that Tower can import.",
        "Export the project again.",
    )
    ARCHIVE_VERSION = "ARCHIVE_VERSION", "A newer version of Tower made the archive.", "Update Tower."
    ARCHIVE_TOO_LARGE = "ARCHIVE_TOO_LARGE", "The archive is too large.", "Raise `TOWER_ARCHIVE_MAX_BYTES`."
