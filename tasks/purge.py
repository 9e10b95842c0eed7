"""The step that purges the bin."""

from __future__ import annotations

import logging
from datetime import timedelta

from tasks.resources import resources
from tasks.retries import retrying_task
from tower.films.cache import trim_cache
from tower.publishing.abandoned import end_abandoned
from tower.storage.purging import PurgeReport, purge_projects

log = logging.getLogger("tower.runs")


@retrying_task("purge")
def purge_bin(older_than_days: int) -> PurgeReport:
    """Remove the projects that are due and the files without any reference. A repeated purge does the rest."""
    purged = purge_projects(resources().sessions, resources().settings, older_than=timedelta(days=older_than_days))
    for project in purged.projects:
        log.info("Purged project %s", project.id, extra={"jobs": project.jobs, "assets": project.assets})
        for film in project.published_films:
            log.warning("The film of a purged project stays in the library: %s", film.path)
    for reason in purged.kept:
        log.warning("Kept: %s", reason)
    trimmed = trim_cache(resources().settings)
    log.info("The cache of assemblies holds %s bytes", trimmed.left_bytes, extra={"removed_bytes": trimmed.bytes})
    ended = end_abandoned(resources().sessions, resources().settings)
    log.info("Ended %s publications that killed processes left", ended)
    log.info("Removed %s files", purged.files, extra={"bytes": purged.bytes})
    return purged
