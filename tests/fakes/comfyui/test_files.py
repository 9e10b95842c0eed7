"""Files that go into the fake and come out of it, compared with the recordings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.comfyui.replay import ReplayClient, load_exchange, load_history, normalise
from tests.fakes.comfyui.server import FakeComfyUI

PICTURE = b"\x89PNG not really, but nobody looks" * 5


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(max_upload_bytes=2000) as started:
        yield started


def test_uploads_are_named_as_recorded(comfy: FakeComfyUI, client: ReplayClient) -> None:
    uploads = [
        ("upload_image_first", "ref.png", PICTURE, {}),
        ("upload_image_same_again", "ref.png", PICTURE, {}),
        ("upload_image_same_name_other_content", "ref.png", PICTURE + b"!", {}),
        ("upload_image_overwrite", "ref.png", PICTURE + b"?", {"overwrite": "true"}),
        ("upload_image_space_name", "my ref.png", PICTURE, {}),
        ("upload_image_subfolder", "ref.png", PICTURE, {"subfolder": "shots/s1"}),
        ("upload_image_type_temp", "ref.png", PICTURE, {"type": "temp"}),
        ("upload_image_type_output", "ref.png", PICTURE, {"type": "output"}),
        ("upload_image_not_an_image", "x.png", b"hello", {}),
        ("upload_image_traversal_filename", "../../evil.png", PICTURE, {}),
        ("upload_image_traversal_subfolder", "ref.png", PICTURE, {"subfolder": "../../outside"}),
        ("upload_image_abs_filename", "/srv/evil.png", PICTURE, {}),
    ]
    for name, filename, content, fields in uploads:
        answer = client.http.post("/upload/image", files={"image": (filename, content)}, data=fields)
        recorded = load_exchange(name)
        assert answer.status_code == recorded["status"], name
        assert "json" not in recorded or answer.json() == recorded["json"]
    assert (comfy.input_folder / "ref (1).png").read_bytes() == PICTURE + b"!"
    large = client.http.post("/upload/image", files={"image": ("large.png", bytes(4000))})
    recorded = load_exchange("upload_too_large")
    assert (large.status_code, large.text) == (recorded["status"], recorded["text"].replace("104857600", "2000"))
    response = client.http.get("/view", params={"filename": "ref.png", "type": "input"})
    assert (response.content, response.headers["Content-Type"]) == (PICTURE + b"?", "image/png")
    choices = client.http.get("/object_info/LoadImage").json()["LoadImage"]["input"]["required"]["image"][0]
    assert choices == ["my ref.png", "ref (1).png", "ref.png", "x.png"]


@pytest.mark.parametrize("name", ["vhs", "savevideo"])
def test_files_are_sent_whole_and_in_ranges_as_recorded(client: ReplayClient, name: str) -> None:
    whole_exchange, range_exchange = load_exchange(f"view_{name}_mp4"), load_exchange(f"view_{name}_mp4_range")
    history = client.wait_for_history(client.submit(load_history(f"history_success_{name}")["prompt"][2]))
    file = next(iter(next(iter(history["outputs"].values())).values()))[0]
    params = {key: file[key] for key in ("filename", "subfolder", "type")}
    first = client.http.get("/view", params=params)
    some = client.http.get("/view", params=params, headers={"Range": "bytes=0-99"})
    assert (first.status_code, some.status_code) == (whole_exchange["status"], range_exchange["status"])
    assert some.content == first.content[:100]
    assert some.headers["Content-Range"] == f"bytes 0-99/{len(first.content)}"
    for header in ("X-Content-Type-Options", "Content-Type", "Accept-Ranges", "Content-Disposition"):
        assert normalise(first.headers[header]) == normalise(whole_exchange["headers"][header])


def test_a_cached_prompt_names_its_deleted_file(comfy: FakeComfyUI, client: ReplayClient) -> None:
    recorded, graph = load_exchange("view_vhs_cached_but_deleted"), load_history("history_cached_vhs")["prompt"][2]
    file = client.wait_for_history(client.submit(graph))["outputs"]["10"]["gifs"][0]
    (comfy.output_folder / file["subfolder"] / file["filename"]).unlink()
    second_history = client.wait_for_history(client.submit(graph))
    assert second_history["outputs"]["10"]["gifs"] == [file]
    assert client.view(file).status_code == recorded["view_status"]
