"""`tower status JOB` on a job with everything that a job can have."""

from __future__ import annotations

import pytest

from deployments.cli.job_page import print_job


def test_a_job_is_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    job = {
        **{"job_id": 35, "id": "35", "status": "failed", "job_type": "video_generation", "stage": "render"},
        **{"progress": 0.4, "prompt": "夜の海", "output_path": None, "quality_score": None, "seed": 7},
        **{"error": {"code": "RENDER_FAILED", "message": "The disk is full"}, "warnings": ["It was retried"]},
        **{"parameters": {"fps": 12, "seed": 7, "model": None}, "parameter_sources": {"fps": "project"}},
        "ended_at": "2026-11-29T08:00:00Z",
    }
    print_job(job)
    assert capsys.readouterr().out.splitlines() == [
        "job         35",
        "status      failed",
        "job type    video_generation",
        "prompt      夜の海",
        "error",
        "  code     RENDER_FAILED",
        "  message  The disk is full",
        "warnings    It was retried",
        "seed        7",
        "ended at    2026-11-29T08:00:00Z",
        "parameters",
        "  fps  12 (project)",
    ]
    print_job(job | {"status": "processing", "ended_at": None})
    assert "status      processing, render 40%" in capsys.readouterr().out
    print_job(job | {"quality_score": 9.99})
    assert "9.99 of 10 (technical faults of the clip, not its beauty)" in capsys.readouterr().out
