"""The secret of Prefect is made once for a data folder, and only its owner can read it."""

from __future__ import annotations

import stat
from pathlib import Path

from deployments import prefect_secret
from tower.settings import Settings


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert prefect_secret.find(settings) is None
    secret = prefect_secret.find_or_make(settings)
    assert secret is not None
    assert len(secret) > 40
    assert prefect_secret.find_or_make(settings) == prefect_secret.find(settings) == secret
    (file,) = (tmp_path / "prefect").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_each_data_folder_has_its_own(tmp_path: Path) -> None:
    one, other = (prefect_secret.find_or_make(Settings(data_dir=tmp_path / name)) for name in ("one", "other"))
    assert one != other


def test_an_external_server_keeps_its_own(tmp_path: Path) -> None:
    external = Settings(data_dir=tmp_path, prefect_api_url="https://prefect.example/api")
    assert prefect_secret.find_or_make(external) is None
    given = external.model_copy(update={"prefect_api_auth_string": "me:secret"})
    assert prefect_secret.find_or_make(given) == "me:secret"
    assert list(tmp_path.iterdir()) == []
