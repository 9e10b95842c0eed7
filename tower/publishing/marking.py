"""The mark of a published film: a signed C2PA manifest that says that its pictures are made by a machine.

c2pa-python is loaded at the first film, because its import takes 0.2 s. It keeps the whole film in memory while it
signs or reads, so a larger film is published without a mark.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tower.errors import TowerError
from tower.errors.codes import ErrorCode
from tower.publishing.credentials import Credentials
from tower.publishing.film import Film

MAX_MARKED_BYTES = 2 * 2**30
MAX_READ_BYTES = MAX_MARKED_BYTES + 2**20  # with its mark
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PROVENANCE_LABEL = "org.tower.provenance"
UNTRUSTED = "signingCredential.untrusted"  # of a certificate that no list of trust names, as Tower's own
MP4 = "video/mp4"


class SigningError(TowerError):
    """A film cannot be signed with the certificate."""

    code = ErrorCode.SIGNING_FAILED


@dataclass(frozen=True)
class Mark:
    """`id` is the URN of the manifest; without one, `unmarked_reason` says why the film has none."""

    id: str | None
    unmarked_reason: str | None = None


class Marker(Protocol):
    """Writes the film with a mark to `target`. `source` stays as it is."""

    def __call__(self, source: Path, target: Path, film: Film) -> Mark: ...


@dataclass(frozen=True)
class MarkReading:
    """A mark that a file has. `is_intact`: the file is as it was signed. `provenance` is what Tower wrote into it."""

    id: str
    is_intact: bool
    signed_by: str | None
    provenance: dict[str, Any]


class C2paMarker:
    """Signs films once, with one certificate."""

    def __init__(self, credentials: Credentials, *, max_bytes: int = MAX_MARKED_BYTES) -> None:
        self._credentials = credentials
        self._max_bytes = max_bytes

    def __call__(self, source: Path, target: Path, film: Film) -> Mark:
        """Raises SigningError if the certificate cannot be used, or if the mark does not read back."""
        size = source.stat().st_size
        if size > self._max_bytes:
            shutil.copyfile(source, target)
            limit = f"{self._max_bytes / 2**20:.0f} MiB"
            return Mark(None, f"films over {limit} are not marked, because signing keeps them in memory")
        self._sign(source, target, film)
        reading = read_mark(target)
        if reading is None or not reading.is_intact:
            raise SigningError(f"The mark of {film.title} does not read back as valid")
        return Mark(reading.id)

    def _sign(self, source: Path, target: Path, film: Film) -> None:
        import c2pa

        manifest = json.dumps(build_manifest(film))
        try:
            info = c2pa.C2paSignerInfo(
                c2pa.C2paSigningAlg.ES256, self._credentials.certificates, self._credentials.key, None
            )
            with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest, _context()) as builder:
                builder.sign_file(source, target, signer)
        except c2pa.C2paError as error:
            raise SigningError(
                "The film cannot be signed; the certificate must be for digital signatures, of no authority, "
                "with an elliptic key of 256 bits"
            ) from error


def build_manifest(film: Film) -> dict[str, Any]:
    """What the mark says: that the film was created by a machine, by Tower, and from which takes."""
    provenance = film.provenance
    action = {"action": "c2pa.created", "digitalSourceType": IPTC + provenance.source.value}
    origin = {
        "statement": provenance.statement,
        "project": provenance.project,
        "branch": provenance.branch,
        "commit": provenance.commit,
        "episode": str(film.episode_key),
        "takes": sorted({shot.take_sha256 for shot in provenance.shots}),
        "engines": sorted({shot.engine for shot in provenance.shots if shot.engine}),
        "models": sorted({shot.model for shot in provenance.shots if shot.model}),
    }
    return {
        "claim_generator_info": [{"name": "Tower"}],
        "title": film.title,
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [action]}},
            {"label": PROVENANCE_LABEL, "data": origin},
        ],
    }


def read_mark(path: Path) -> MarkReading | None:
    """The mark of a film; None if it has none, or is larger than any film that Tower marks."""
    import c2pa

    if path.stat().st_size > MAX_READ_BYTES:
        return None
    try:
        with path.open("rb") as file, c2pa.Reader(MP4, file, context=_context()) as reader:
            manifest = reader.get_active_manifest() or {}
            report = json.loads(reader.json())
    except c2pa.C2paError:
        return None
    faults = {status.get("code") for status in report.get("validation_status") or ()} - {UNTRUSTED}
    assertions = {one.get("label"): one.get("data") for one in manifest.get("assertions") or ()}
    signature = manifest.get("signature_info") or {}
    return MarkReading(
        id=str(report.get("active_manifest") or ""),
        is_intact=not faults,
        signed_by=signature.get("issuer"),
        provenance=assertions.get(PROVENANCE_LABEL) or {},
    )


def copy_unmarked(source: Path, target: Path, film: Film) -> Mark:
    """Write the film without a mark."""
    shutil.copyfile(source, target)
    return Mark(None, f"marks are switched off for {film.series.name}")


def _context() -> Any:
    """Settings of the library: no network, and large buffers on the disk instead of in memory."""
    import c2pa

    return c2pa.Context.from_dict({"core": {"backing_store_memory_threshold_in_mb": 16}})
