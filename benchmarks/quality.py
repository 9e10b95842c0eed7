"""How well the technical check separates good from faulty clips, and its cost compared with a bare decode.

python -m benchmarks.quality            the reporting corpus, whose seeds were not used for tuning
python -m benchmarks.quality --tuning   the corpus on which the thresholds were chosen
python -m benchmarks.quality --write    also put the tables into docs/quality.md
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from benchmarks import quality_corpus
from benchmarks import quality_faults as bad
from benchmarks.quality_corpus import Kind, Pictures
from benchmarks.quality_faults import DEFAULT_FORMAT, Format, encode, tone
from tower.quality.technical import Assessment, Expectation, judge

DOCS = Path(__file__).parent.parent / "docs" / "quality.md"
FRAMES, SIZES = 48, (512, 256, 768)
SEEDS = {"tuning": range(1, 4), "reporting": range(9001, 9004)}
PASS = "passes"

Injector = Callable[[np.random.Generator, Pictures], Pictures]


@dataclass(frozen=True)
class QualityCase:
    """One clip: a kind of picture, its fault, and the metric that must detect the fault (None for a good clip)."""

    truth: str
    kind: Kind
    metrics: tuple[str, ...] = ()
    inject: Injector | None = None
    form: Format = DEFAULT_FORMAT
    sound: float | None = None  # gain
    spoil: Callable[[Path], None] | None = None


PANS = (quality_corpus.textured_pan, quality_corpus.fast_action, quality_corpus.bright)
ANY = (
    quality_corpus.moving_shapes,
    quality_corpus.textured_pan,
    quality_corpus.slow_drift,
    quality_corpus.talking_head,
    quality_corpus.night,
    quality_corpus.bright,
)


def list_cases() -> Iterator[QualityCase]:
    """Every good kind, and every fault on several kinds."""
    for kind in quality_corpus.GOOD:
        yield QualityCase(kind.__name__, kind)
    yield QualityCase("with_sound", quality_corpus.textured_pan, sound=0.45)
    for name, metrics, inject, kinds in _PICTURE_FAULTS:
        yield from (QualityCase(name, kind, metrics, inject) for kind in kinds)
    for name, metric, form in _FORM_FAULTS:
        yield from (QualityCase(name, kind, (metric,), form=form) for kind in ANY[:2])
    yield from (QualityCase("frames missing", kind, ("frame_count",), lambda _, shown: shown[:-5]) for kind in ANY[:2])
    yield from (
        QualityCase("wrong size", kind, ("size",), lambda _, shown: [p[:-32] for p in shown]) for kind in ANY[:2]
    )
    for spoil in (bad.cut_off, bad.damaged, bad.no_video):
        name = spoil.__name__.replace("_", " ")
        yield from (QualityCase(name, kind, ("decodes",), spoil=spoil) for kind in ANY[:2])
    yield QualityCase("silent sound", quality_corpus.textured_pan, ("audio_peak",), sound=0.0)
    yield QualityCase("clipped sound", quality_corpus.textured_pan, ("audio_clipped_share",), sound=4.0)


_FROZEN = ("frozen_run", "frozen_share")
_PICTURE_FAULTS: tuple[tuple[str, tuple[str, ...], Injector, tuple[Kind, ...]], ...] = (
    ("all black", ("black_share", "black_run"), bad.all_black, ANY[:1]),
    ("half black", ("black_share", "black_run"), bad.half_black, ANY),
    ("one colour", ("flat_share", "flat_run"), bad.one_colour, ANY[:1]),
    ("all frozen", _FROZEN, bad.frozen, ANY),
    ("frozen tail", _FROZEN, bad.frozen_tail, ANY),
    ("frozen under grain", _FROZEN, bad.frozen_under_grain, ANY),
    ("stutter", ("frozen_share",), bad.stutter, ANY[:2]),
    ("every 2nd frame doubled", ("repeated_share",), bad.doubled, PANS),
    ("noise", ("noise_share",), bad.noise, ANY[:1]),
    ("noise of a latent", ("noise_share",), bad.latent_noise, ANY[:1]),
    ("checkerboard flicker", ("flash_share", "noise_share"), bad.checkerboard_flicker, ANY[:2]),
    ("strobe", ("flash_share",), bad.strobe, ANY),
    ("unrelated pictures", ("unrelated_share",), bad.shuffled, ANY[:1]),
)
_FORM_FAULTS = (
    ("wrong rate", "rate", Format(fps=12)),
    ("wrong codec", "codec", Format(codec="mpeg4")),
    ("wrong pixel format", "pixel_format", Format(pixel_format="yuv444p")),
    ("hole in time", "timing", Format(gap=4)),
)


def judge_cases(seeds: range) -> Iterator[tuple[QualityCase, Assessment]]:
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(list_cases()):
            for seed in seeds:
                size = SIZES[(seed + number) % len(SIZES)]
                clip = make_clip(case, Path(folder) / "clip.mp4", seed=seed * 1000 + number, size=size)
                yield case, judge(clip, Expectation(size, size, 24, FRAMES))


def make_clip(case: QualityCase, clip: Path, *, seed: int, size: int) -> Path:
    rng = np.random.default_rng(seed)
    shown = case.kind(rng, size, FRAMES)
    if case.inject:
        shown = case.inject(rng, shown)
    encode(clip, shown, case.form, sound=None if case.sound is None else tone(FRAMES / 24, case.sound))
    if case.spoil:
        case.spoil(clip)
    return clip


def build_confusion_table(judged: list[tuple[QualityCase, Assessment]]) -> tuple[str, list[str]]:
    """The confusion matrix, one row per kind, and the clips with a wrong verdict."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    scores: dict[str, list[float]] = defaultdict(list)
    wrong = []
    for case, verdict in judged:
        failed = [metric.name for metric in verdict.metrics if metric.passed is False]
        named = bool(set(failed) & set(case.metrics))
        rows[case.truth].update(["clips", "passed" if verdict.passed else "rejected", *["named"] * named])
        scores[case.truth].append(verdict.score)
        if verdict.passed == bool(case.metrics) or (case.metrics and not named):
            wrong.append(f"{case.truth} / {case.kind.__name__}: {verdict.reason or PASS} (score {verdict.score})")
    good_names = {case.truth for case, _ in judged if not case.metrics}
    lines = ["| clips of | n | passed | rejected | fault named | score, lowest–highest |", "|---|--:|--:|--:|--:|--:|"]
    for truth, row in rows.items():
        named_cell = "" if truth in good_names else str(row["named"])
        label = f"good: {truth.replace('_', ' ')}" if truth in good_names else f"fault: {truth}"
        low, high = min(scores[truth]), max(scores[truth])
        lines.append(
            f"| {label} | {row['clips']} | {row['passed']} | {row['rejected']} | {named_cell} | {low:.1f}–{high:.1f} |"
        )
    for label, is_good in (("all good", True), ("all faults", False)):
        total: Counter[str] = sum((row for truth, row in rows.items() if (truth in good_names) == is_good), Counter())
        cell = "" if is_good else str(total["named"])
        lines.append(f"| **{label}** | {total['clips']} | {total['passed']} | {total['rejected']} | {cell} | |")
    return "\n".join(lines), wrong


def measure_cost() -> str:
    """Median seconds of interleaved runs: a bare decode, the probe, the whole check."""
    lines = ["| clip | bare decode s | whole check s | ratio |", "|---|--:|--:|--:|"]
    with tempfile.TemporaryDirectory() as folder:
        for size, frames in ((512, 72), (1024, 120)):
            shown = quality_corpus.textured_pan(np.random.default_rng(7), size, frames)
            clip = encode(Path(folder) / f"{size}.mp4", shown)
            bare, whole = [], []
            for _ in range(9):
                bare.append(_decode_s(clip))
                whole.append(judge(clip, Expectation(size, size, 24, frames)).seconds)
            floor, check = statistics.median(bare), statistics.median(whole)
            what = f"{size}², {frames} frames, {clip.stat().st_size / 1e6:.1f} MB"
            lines.append(f"| {what} | {floor:.3f} | {check:.3f} | {check / floor:.1f}× |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality")
    parser.add_argument("--tuning", action="store_true", help="the seeds on which the thresholds were chosen")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/quality.md")
    args = parser.parse_args()
    seeds = SEEDS["tuning" if args.tuning else "reporting"]
    matrix, wrong = build_confusion_table(list(judge_cases(seeds)))
    tables = f"{matrix}\n\n{_wrongly(wrong)}\n\n{measure_cost()}\n"
    print(tables)
    if args.write:
        before, rest = DOCS.read_text().split("<!-- measured -->\n")
        after = rest.split("<!-- end -->")[1]
        DOCS.write_text(f"{before}<!-- measured -->\n{tables}<!-- end -->{after}")


def _wrongly(wrong: list[str]) -> str:
    return "\n".join(["Judged wrongly:", "", *(f"- {line}" for line in wrong)]) if wrong else "None was judged wrongly."


def _decode_s(clip: Path) -> float:
    began = time.perf_counter()
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for _ in container.decode(video=0):
            pass
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
