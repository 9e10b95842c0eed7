"""The purge, as a step."""

from __future__ import annotations

import logging
from datetime import timedelta

from tasks.resources import resources
from tasks.retries import step
from tower.storage.purging import Purged, purge

log = logging.getLogger("tower.runs")


@step("purge")
def purge_bin(older_than_days: int) -> Purged:
    """Remove the projects that are due, and the files that nothing needs. Done again, it does what was left."""
    done = purge(resources().sessions, resources().settings, older_than=timedelta(days=older_than_days))
    for project in done.projects:
        log.info("Purged project %s", project.id, extra={"jobs": project.jobs, "assets": project.assets})
    for reason in done.kept:
        log.warning("Kept: %s", reason)
    log.info("Removed %s files", done.files, extra={"bytes": done.bytes})
    return done
