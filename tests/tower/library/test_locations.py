"""The file that a list names is found, however the name is written, and nothing outside the library is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from tower.library.locations import FileFinder, MissingFileError, UnusableEntryError, decode_text


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def find(root: Path, text: str, *moved: tuple[str, Path]) -> Path:
    return FileFinder([root], moved).find([text], folder=root)


@pytest.mark.parametrize(
    "form",
    [
        *("{path}", "file://{path}", "file://localhost{path}", "FILE://LocalHost{path}", "file:{path}"),
        *("file://{quoted}", "file://localhost{quoted}", "file:{quoted}", "  {path}  ", "file://127.0.0.1{quoted}"),
        *("sub/Re: Zero 100%.mp3", "sub\\Re: Zero 100%.mp3", "./sub/../sub/Re%3A%20Zero%20100%25.mp3"),
        *("file:sub/Re: Zero 100%.mp3", "SUB/re: zero 100%.MP3"),
    ],
)
def test_a_file_is_found_in_every_form_of_its_path(root: Path, form: str) -> None:
    path = touch(root / "sub" / "Re: Zero 100%.mp3")
    assert find(root, form.format(path=path, quoted=quote(str(path)))) == path


def test_a_literal_percent_comes_before_the_decoded_one(root: Path) -> None:
    literal, decoded = touch(root / "100%25.mp3"), touch(root / "100%.mp3")
    assert find(root, "100%25.mp3") == literal
    literal.unlink()
    assert find(root, "100%25.mp3") == decoded


@pytest.mark.parametrize(
    ("old", "text"),
    [
        ("/Users/kai/Music", "/Users/kai/Music/a/b c.mp3"),
        ("/Users/kai/Music/", "file:///Users/kai/Music/a/b%20c.mp3"),
        (r"C:\Users\Kai\Music", r"c:\users\kai\Music\a\b c.mp3"),
        ("C:/Users/Kai/Music", "file:///C:/Users/Kai/Music/a/b%20c.mp3"),
        ("C:/Users/Kai/Music", "file://localhost/C|/Users/Kai/Music/a/b%20c.mp3"),
        ("C:/Users/Kai/Music", "file://C:/Users/Kai/Music/a/b c.mp3"),
        (r"\\nas\music", r"\\nas\music\a\b c.mp3"),
        ("//nas/music", "file://nas/music/a/b%20c.mp3"),
        (nfc("/Users/é"), nfd("/Users/é/a/b c.mp3")),
    ],
)
def test_a_path_of_another_machine_is_mapped(root: Path, old: str, text: str) -> None:
    path = touch(root / "a" / "b c.mp3")
    assert find(root, text, ("/Users", root / "wrong"), (old, root)) == path


@pytest.mark.parametrize("of_folder", [nfc, nfd])
@pytest.mark.parametrize("of_file", [nfc, nfd])
@pytest.mark.parametrize("of_text", [nfc, nfd])
def test_mixed_unicode_forms_are_one_name(root: Path, of_folder: object, of_file: object, of_text: object) -> None:
    assert callable(of_folder)
    assert callable(of_file)
    assert callable(of_text)
    path = touch(root / of_folder("ガ") / of_file("パé.mp3"))
    assert find(root, of_text("ガ/パé.mp3")) == path
    assert find(root, of_text("/Users/kai/ガ/パé.mp3"), ("/Users/kai", root)) == path


def test_compatibility_ideographs_are_compared_and_not_changed(root: Path) -> None:
    compatible, plain = touch(root / "\uf92c" / "\ufa10.mp3"), "\u90ce/\u585a.mp3"
    assert find(root, f"/Users/kai/{plain}", ("/Users/kai", root)) == compatible
    assert find(root, "/Users/kai/\uf92c/\ufa10.mp3", ("/Users/kai", root)) == compatible


def test_of_two_files_the_one_that_is_named_exactly_is_found(root: Path) -> None:
    names = (nfc("é.mp3"), nfd("é.mp3"), nfc("É.mp3"))
    for name in names:
        touch(root / name)
    assert [find(root, name).name for name in names] == list(names)


@pytest.mark.parametrize("encoding", ["cp932", "cp1252", "euc_jp", "gb18030", "cp949", "cp1251", "latin-1"])
def test_bytes_that_are_no_utf8_are_read_in_the_encoding_whose_file_exists(root: Path, encoding: str) -> None:
    name = {"cp1252": "Jóga – „é“", "latin-1": "Jóga é", "cp949": "한글 노래", "cp1251": "Ночь"}.get(
        encoding, "表紙の歌"
    )
    path = touch(root / f"{name}.mp3")
    content = f"{name}.mp3".encode(encoding)
    finder = FileFinder([root])
    assert finder.find(decode_text(content), folder=root) == path
    assert finder.find(decode_text(quote(content).encode()), folder=root) == path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gone.mp3", "gone.mp3 is not in the library: there is no such file"),
        ("/Users/kai/a.mp3", "TOWER_MUSIC_MOVED"),
        ("../outside.mp3", "not in the library"),
        ("file:///etc/hostname", "not in the library"),
        ("%2e%2e/outside.mp3", "not in the library"),
        ("out/outside.mp3", "not in the library"),
        ("http://radio.example/a.mp3", "it is a URL"),
        ("a\0b.mp3", "not in the library"),
        ("a\udc80b.mp3", "not in the library"),
        ("x/" * 3000, "not in the library"),
    ],
)
def test_what_is_not_found_is_named(root: Path, text: str, reason: str) -> None:
    touch(root.parent / "outside.mp3")
    (root / "out").symlink_to(root.parent)
    with pytest.raises(UnusableEntryError, match=reason) as error:
        find(root, text)
    assert isinstance(error.value, MissingFileError) == ("://" not in text or text.startswith("file"))


def test_links_in_the_path_of_a_root_are_followed(root: Path, tmp_path: Path) -> None:
    path = touch(root / nfd("é.mp3"))
    (tmp_path / "link").symlink_to(root)
    texts: Sequence[str] = [f"{tmp_path}/link/{nfc('é.mp3')}"]
    assert FileFinder([root]).find(texts) == path
