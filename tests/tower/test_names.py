"""Which names are accepted, and which spellings are one name."""

from __future__ import annotations

import pytest

from tower.names import NameIndex, PersonIndex, clean_name, name_key, repair_name

NFC, NFD = "Éa が 한", "E\u0301a か\u3099 \u1112\u1161\u11ab"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Yuki", "Yuki"),
        (NFD, NFC),
        ("\u200b\ufeffYuki \x00\u2060", "Yuki"),
        ("\u3000雪\u3000", "雪"),
        ("Yuki\u3000Tanaka", "Yuki\u3000Tanaka"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", None),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("ന\u0d4d\u200d", "ന\u0d4d\u200d"),
        ("辻\U000e0100", "辻\U000e0100"),
        ("علی\u200c", "علی"),
    ],
)
def test_a_name_is_kept_as_it_is_written(text: str, name: str | None) -> None:
    assert clean_name(text) == (name or text)
    assert clean_name(name or text) == (name or text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u3000", "\u200b", "\u200d", "\t\n", "\x00", "\u2800", "\u3164", "\ufe0f", "\u202e\u2066", "\xad"],
)
def test_a_name_without_a_visible_character_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at least one visible character"):
        clean_name(text)


@pytest.mark.parametrize("letter", ["\n", "\t", "\x00", "\x7f", "\u200b", "\u2028", "\u202e", "\ufeff", "\ufffe"])
def test_a_hidden_character_inside_a_name_is_refused(letter: str) -> None:
    with pytest.raises(ValueError, match=f"U\\+{ord(letter):04X}"):
        clean_name(f"Yu{letter}ki")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Yuki", "Yuki"),
        (NFD, NFC),
        ("Ni\u200bght\ndrive\u202e \x00", "Night drive"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\u3164\u200b", ""),
    ],
)
def test_a_repaired_name_is_accepted(text: str, name: str) -> None:
    assert repair_name(text) == name
    assert not name or clean_name(name) == name


@pytest.mark.parametrize(
    "spellings",
    [
        (NFC, NFD, NFC.upper()),
        ("Straße", "STRASSE", "strasse"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("Yuki", " yuki\u200b", "YU\u200dKI", "Yu\u00adki"),
        ("❤", "❤\ufe0f"),
    ],
)
def test_spellings_of_one_name_have_one_key(spellings: tuple[str, ...]) -> None:
    assert len({name_key(spelling) for spelling in spellings}) == 1


def test_different_names_have_different_keys() -> None:
    names = ["Yuki", "Yūki", "ゆき", "ユキ", "雪", "か", "が", "I", "ı"]
    assert len({name_key(name) for name in names}) == len(names)


def test_the_same_spelling_is_found_before_another_one() -> None:
    index = NameIndex([(NFC, 1), (NFD, 2)])
    assert (index.find(NFC), index.find(NFD), index.find(NFC.lower()), index.find("Rin")) == (1, 2, 1, None)


def test_a_person_is_found_by_first_name_unless_it_is_the_full_name_of_another() -> None:
    people = PersonIndex([("Yuki Tanaka", 1), ("Yuki", 2), ("Éva Lee", 3)])
    assert [people.find(name) for name in ("yuki", "YUKI TANAKA", "E\u0301VA", "Tanaka")] == [2, 1, 3, None]
