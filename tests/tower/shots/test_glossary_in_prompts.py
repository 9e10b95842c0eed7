"""The glossary rules for the prompts of generations."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.culture import CulturalElement, CulturalValidation
from db.models.jobs import JobType, ProductionJob
from db.models.projects import Project
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec
from tower.story.glossary import check_prompt

WRONG = "a woman in a kimono, right over left"


def create_job(session: Session, project: Project | None = None) -> ProductionJob:
    spec = GenerationSpec(prompt="x", project_id=None if project is None else project.id)
    return lifecycle.open_job(session, spec, job_type=JobType.STANDARD)


def project_with_bell(session: Session) -> Project:
    project = Project(name="p")
    session.add(project)
    session.flush()
    bell = {"category": "object", "triggers": ["bell"], "rule": "It is rung once.", "violations": ["rung twice"]}
    session.add(CulturalElement(project_id=project.id, name="bell", **bell))
    session.flush()
    return project


def stored_findings(session: Session, job: ProductionJob) -> list[tuple[str | None, str]]:
    rows = session.scalars(select(CulturalValidation).filter_by(job_id=job.id).order_by(CulturalValidation.id))
    return [(row.element_name, row.finding.value) for row in rows]


def test_a_violated_rule_is_reported_and_stored_with_the_job(session: Session) -> None:
    job = create_job(session)
    [warning] = check_prompt(session, job, WRONG)
    assert warning.startswith("Culture, kimono: ")
    assert stored_findings(session, job) == [("kimono", "broken")]


def test_a_followed_rule_is_stored_without_a_warning(session: Session) -> None:
    job = create_job(session)
    assert check_prompt(session, job, "rain on neon") == []
    assert stored_findings(session, job) == [(None, "nothing")]


def test_a_projects_own_glossary_applies_until_it_is_deleted(session: Session) -> None:
    project = project_with_bell(session)
    job = create_job(session, project)
    assert len(check_prompt(session, job, "the bell is rung twice")) == 1
    project.deleted_at = datetime.now(UTC)
    session.flush()
    assert check_prompt(session, job, "the bell is rung twice") == []
