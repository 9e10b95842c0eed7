"""The professional and the personal recipe on the whole stack."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from sqlalchemy import select

from db.models.characters import CharacterAppearance
from db.models.culture import CulturalValidation
from db.models.jobs import ProductionJob
from db.models.rendering import Asset, QualityAssessment
from tests import patient
from tests.e2e.conftest import RunningStack
from tower.quality.consistency import METRIC_NAME
from tower.review.markdown import escape_markdown

pytestmark = pytest.mark.e2e
SMALL = {"duration": 1, "width": 320, "height": 320, "seed": 3, "engine": "animatic"}


def request_json(stack: RunningStack, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.request(method, f"{stack.addresses.production_url}{path}", json=body, timeout=30)
    assert answer.is_success, answer.text
    content: dict[str, Any] = answer.json()
    return content


def job_of_run(stack: RunningStack, run_id: str) -> int:
    """The job of a run that was started by hand."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with stack.sessions() as session:
            job_id = session.scalar(select(ProductionJob.id).where(ProductionJob.flow_run_id == run_id))
        if job_id is not None:
            return job_id
        time.sleep(0.2)
    pytest.fail(f"run {run_id} opened no job")


@pytest.fixture(scope="module")
def picture(stack: RunningStack) -> Path:
    """A picture of a woman in a red coat on a plain background, inside a media folder."""
    image = np.full((600, 300, 3), 240, np.uint8)
    cv2.ellipse(image, (150, 110), (55, 70), 0, 0, 360, (150, 180, 220), -1)
    cv2.rectangle(image, (85, 30), (215, 80), (40, 35, 30), -1)
    cv2.fillPoly(image, [np.array([[120, 180], [180, 180], [210, 450], [90, 450]])], (40, 40, 200))
    cv2.rectangle(image, (110, 450), (190, 590), (90, 80, 70), -1)
    cv2.line(image, (150, 190), (150, 440), (250, 250, 250), 10)
    path = Path(stack.env["TOWER_DATA_DIR"]) / "media" / "aiko.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture(scope="module")
def project_id(stack: RunningStack, picture: Path) -> int:
    project_id: int = request_json(stack, "POST", "/projects", {"name": "Red Coats"})["id"]
    aiko = {"name": "Aiko Sato", "image_path": str(picture), "visual_traits": {"coat": "red"}}
    for fields in (aiko, {"name": "Ren", "visual_traits": {"coat": "blue"}}):
        request_json(stack, "POST", "/characters", {"project_id": project_id, **fields})
    return project_id


def test_professional_is_compared_with_the_reference_image(stack: RunningStack, project_id: int, picture: Path) -> None:
    request = {"prompt": "in a sunny room", "type": "professional", "character": "aiko", "project_id": project_id}
    finished = stack.wait_for_end(stack.api.generate(SMALL | request)["job_id"])
    assert (finished["status"], finished["job_type"], finished["error"]) == (
        "completed",
        "professional_generation",
        None,
    )
    consistency = finished["character_consistency"]
    assert consistency["passed"] is True
    assert 5 <= consistency["score"] <= 10
    assert finished["quality_score"] <= consistency["score"]
    with stack.sessions() as session:
        verdicts = session.scalars(select(QualityAssessment).filter_by(job_id=finished["job_id"])).all()
        [appearance] = session.scalars(select(CharacterAppearance).filter_by(project_id=project_id)).all()
        take = session.get_one(Asset, appearance.asset_id)
    assert {verdict.stage: verdict.passed for verdict in verdicts} == {"technical": True, "visual": True}
    assert (appearance.character_name, appearance.consistency_score) == ("Aiko Sato", consistency["score"])
    assert take.provenance["shot"]["cast"][0]["reference_image"] == str(picture)
    assert "red coat" in take.provenance["shot"]["prompt"]
    assert f"| {escape_markdown(METRIC_NAME)} | {consistency['score']} |" in stack.read_job_page(finished["job_id"])


def test_without_a_reference_image_the_consistency_is_unknown(stack: RunningStack, project_id: int) -> None:
    request = {"prompt": "in a sunny room", "type": "professional", "character": "ren", "project_id": project_id}
    finished = stack.wait_for_end(stack.api.generate(SMALL | request)["job_id"])
    assert finished["status"] == "completed"
    assert finished["character_consistency"] | {"frames": []} == {
        "score": None,
        "passed": None,
        "reason": "Ren has no reference image",
        "frames": [],
    }


def test_personal_follows_its_mood_and_is_checked_against_the_glossary(stack: RunningStack) -> None:
    request = {"prompt": "a woman in a kimono, right over left", "type": "personal", "mood": "dreamy"}
    accepted = stack.api.generate(SMALL | request)
    finished = stack.wait_for_end(accepted["job_id"])
    assert (finished["status"], finished["job_type"]) == ("completed", "personal_generation")
    assert finished["mood_choice"] == accepted["mood_choice"]
    with stack.sessions() as session:
        shot = session.scalars(select(Asset).filter_by(job_id=finished["job_id"])).one().provenance["shot"]
        findings = session.scalars(select(CulturalValidation).filter_by(job_id=finished["job_id"])).all()
    assert (shot["style"], shot["scene_type"]) == ("artistic", "emotional")
    assert "soft bloom" in shot["prompt"]
    assert [(finding.element_name, finding.finding.value) for finding in findings] == [("kimono", "broken")]
    assert any(warning.startswith("Culture, kimono") for warning in finished["warnings"])
    assert "**Mood:** mood dreamy (the request names 'dreamy') · style artistic" in stack.read_job_page(
        finished["job_id"]
    )


def test_personal_started_by_hand_in_prefect_chooses_a_mood(stack: RunningStack) -> None:
    api = stack.prefect_url
    deployment = patient.get(f"{api}/deployments/name/personal/personal").raise_for_status().json()
    parameters = {"prompt": "by hand", "type": "personal", "mood": "dark", "duration_s": 1, "width": 256, "height": 256}
    created = patient.post(
        f"{api}/deployments/{deployment['id']}/create_flow_run", json={"parameters": {"asked": parameters}}
    )
    finished = stack.wait_for_end(job_of_run(stack, created.raise_for_status().json()["id"]))
    assert (finished["status"], finished["parameters"]["style"]) == ("completed", "realistic")
    assert finished["mood_choice"]["mood"]["value"] == "dark"


def test_the_shell_accepts_a_mood(stack: RunningStack) -> None:
    result = stack.run_tower(
        "generate", "the sea", "--type", "personal", "--mood", "calm", "--duration", "1", "--size", "256x256"
    )
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).is_file()
    refused = stack.run_tower("generate", "the sea", "--type", "professional")
    assert (refused.returncode, "character" in refused.stderr) == (2, True)
