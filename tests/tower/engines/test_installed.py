"""The installed engines: Tower's own, those of other distributions, and broken ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.tower.engines.distributions import ENTRY, declaring, documented, lay_down, python
from tower.engines.choice import list_usable_engines, work_queue_for
from tower.engines.installed import find_entry, installed_engines, open_engine
from tower.errors import InvalidError, UnavailableError
from tower.settings import Settings
from tower_animatic.entry import VERSION

ALL = """
from tower.engines.installed import installed_engines
print(*installed_engines().entries, '|', *installed_engines().broken.values())
"""
REPOSITORY = Path(__file__).parents[3]


def test_our_own_engines_are_declared() -> None:
    assert {name: entry.name for name, entry in installed_engines().entries.items()} == {
        "animatic": "animatic",
        "comfyui": "comfyui",
    }
    assert installed_engines().broken == {}


def test_reading_a_version_loads_no_engine() -> None:
    heavy = "{'numpy', 'cv2', 'av', 'sqlalchemy', 'websockets'}"
    ask = "import sys; from tower.engines.installed import find_entry; find_entry('comfyui')"
    code = f"{ask}\nprint({heavy} & set(sys.modules))"
    assert python(code) == "set()"


def test_an_unknown_engine_is_refused_with_the_known_names() -> None:
    with pytest.raises(InvalidError, match="'auto', 'animatic' or 'comfyui'") as refused:
        find_entry("oil")
    assert refused.value.details == {"field": "engine", "value": "oil", "expected": "'auto', 'animatic' or 'comfyui'"}


def test_a_machine_has_the_engines_whose_requirements_it_meets() -> None:
    assert list_usable_engines(Settings(comfyui_url=None)) == ["animatic"]
    assert list_usable_engines(Settings(comfyui_url="http://box:8188")) == ["animatic", "comfyui"]
    with pytest.raises(UnavailableError, match="TOWER_COMFYUI_URL") as lacking:
        open_engine("comfyui", Settings(comfyui_url=None))
    assert lacking.value.code == "COMFYUI_UNREACHABLE"  # Another worker may have one.


def test_each_engine_has_its_own_queue_except_the_one_that_every_worker_has() -> None:
    assert [work_queue_for(name) for name in ("animatic", "comfyui", "sketch")] == ["default", "comfyui", "sketch"]


def test_a_third_engine_is_available_everywhere(tmp_path: Path) -> None:
    folder = lay_down(tmp_path, documented())
    assert python(ALL, folder) == "animatic comfyui sketch |"
    code = """
from deployments.worker_plans import plan_stack_worker
from tower.engines.choice import choose_engine, list_usable_engines
from tower.settings import Settings
settings = Settings()
queues = plan_stack_worker(settings, "gpu").queues
print(choose_engine("auto", settings).version, *list_usable_engines(settings), *queues)
"""
    assert python(code, folder, TOWER_ENGINE="sketch") == "0.3 animatic sketch default sketch"
    assert python(code, folder, TOWER_ENGINE="auto") == f"{VERSION} animatic sketch default sketch"


def test_the_version_of_a_third_engine_is_part_of_its_takes_fingerprint(tmp_path: Path) -> None:
    code = """
from tower.engines.base import Shot
from tower.rendering.engine_choice import installed_version
from tower.rendering.takes import fingerprint
found, shot = installed_version("sketch"), Shot("a lighthouse", "", 7, 256, 256, 24, 24)
print(fingerprint(shot, engine=found.name, engine_version=found.version))
"""
    prints = set()
    for version in ("0.3", "0.4"):
        files = {name: text.replace("0.3", version) for name, text in documented().items()}
        prints.add(python(code, lay_down(tmp_path / version, files)))
    assert len(prints) == 2


@pytest.mark.parametrize(
    ("name", "entry_of", "reason"),
    [
        ("oil", "import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("oil", "ENTRY = 'oil'", "it is not a tower.engines.base.EngineEntry"),
        ("oil", "", "AttributeError"),
        ("oil", "raise SyntaxError('odd')", "SyntaxError: odd"),
        ("oil", ENTRY.format(name="water", version="1"), "it calls itself 'water'"),
        ("oil", ENTRY.format(name="oil", version=""), "its version must be a text that is not empty"),
        ("default", ENTRY.format(name="default", version="1"), "begins with a letter"),
        ("Oil", ENTRY.format(name="Oil", version="1"), "begins with a letter"),
    ],
)
def test_an_engine_that_fails_to_load_is_named_with_its_distribution_and_others_work(
    tmp_path: Path, name: str, entry_of: str, reason: str
) -> None:
    output = python(ALL, declaring(tmp_path, name, entry_of))
    assert output.startswith("animatic comfyui | odd:ENTRY of odd 1: ")
    assert reason in output


def test_two_distributions_with_the_same_engine_name_are_both_refused(tmp_path: Path) -> None:
    source = ENTRY.format(name="oil", version="1")
    folders = [declaring(tmp_path / by, "oil", source, by=by) for by in ("first", "second")]
    output = python(ALL, *folders)
    assert (
        output == "animatic comfyui | first:ENTRY of first 1 and second:ENTRY of second 1: only one may have this name"
    )


def test_opening_a_broken_engine_raises_the_reason(tmp_path: Path) -> None:
    code = """
from tower.engines.installed import find_entry, open_engine
from tower.errors import TowerError
from tower.settings import Settings
for ask in (lambda: find_entry("oil"), lambda: open_engine("water", Settings())):
    try:
        ask()
    except TowerError as error:
        print(error.code, error.message)
"""
    declaring(tmp_path, "oil", "import no_such_library")
    source = ENTRY.format(name="water", version="1").replace("print", "lambda settings: 1 / 0")
    output = python(code, tmp_path, declaring(tmp_path / "more", "water", source, by="water")).splitlines()
    assert output[0].startswith(
        "ENGINE_UNAVAILABLE The engine 'oil' cannot be loaded: odd:ENTRY of odd 1: ModuleNotFound"
    )
    assert (
        output[1] == "ENGINE_UNAVAILABLE The engine 'water' cannot be opened here: ZeroDivisionError: division by zero"
    )


def test_an_installation_without_entry_points_is_reported(tmp_path: Path) -> None:
    [site] = (Path(folder) for folder in sys.path if folder.endswith("site-packages"))
    for file in site.iterdir():
        if not file.name.startswith(("tower", "__editable__")):
            (tmp_path / file.name).symlink_to(file)
    (tmp_path / "tower").symlink_to(REPOSITORY / "tower")
    code = f"""
import os, sys
os.chdir("/")
sys.path[:] = [{str(tmp_path)!r}, *(one for one in sys.path if one.endswith(("python3.11", "lib-dynload")))]
from tower.engines.choice import choose_engine
from tower.errors import TowerError
from tower.settings import Settings
try:
    choose_engine("auto", Settings())
except TowerError as error:
    print(error.message)
"""
    assert python(code).endswith("is not declared here: reinstall Tower: pip install -e .")
