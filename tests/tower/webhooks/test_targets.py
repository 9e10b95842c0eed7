"""Which addresses a webhook may call."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tower.errors import ForbiddenError, InvalidError
from tower.webhooks.targets import check_url, choose_target, explain_refusal, resolve

PRIVATE = ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1")
HIDDEN_PRIVATE = ("64:ff9b::a00:1", "2002:a00:1::1")
NEVER = ("0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1", "240.0.0.1")
PUBLIC = ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822")


@pytest.mark.parametrize("address", [*PRIVATE, *HIDDEN_PRIVATE])
def test_private_networks_need_the_setting(address: str) -> None:
    assert "TOWER_WEBHOOK_PRIVATE" in (explain_refusal(ip_address(address), allow_private=False) or "")
    assert explain_refusal(ip_address(address), allow_private=True) is None


@pytest.mark.parametrize("address", NEVER)
def test_addresses_that_are_no_server_are_never_called(address: str) -> None:
    assert explain_refusal(ip_address(address), allow_private=True) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    assert explain_refusal(ip_address(address), allow_private=False) is None


def test_a_name_with_one_private_address_is_refused_whole() -> None:
    addresses = ("93.184.216.34", "10.0.0.1")
    with pytest.raises(ForbiddenError, match=r"hook\.example may not be called: it is in a private"):
        choose_target("https://hook.example/a", "hook.example", addresses, allow_private=False)


def test_the_checked_address_is_connected_to_in_the_name_of_the_host() -> None:
    target = choose_target("https://hook.example:8443/a?b=c", "hook.example", ["2606:2800::1"], allow_private=False)
    assert target.connect_url == "https://[2606:2800::1]:8443/a?b=c"
    assert (target.host_header, target.host) == ("hook.example:8443", "hook.example")


def test_a_name_is_resolved_and_checked() -> None:
    assert str(resolve("http://localhost:1/", allow_private=True).ip) in ("127.0.0.1", "::1")
    with pytest.raises(ForbiddenError):
        resolve("http://localhost:1/", allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hook.example/",
        "https://",
        "hook.example",
        "https://user:password@hook.example/",
        "https://hook.example/#part",
        "https://hook.example:99999/",
        "https://hook.example/a b",
        "https://hook.example/\x07",
        "https://[::1",
        f"https://hook.example/{'a' * 2000}",
        "http://127.0.0.1/",
        "http://[::1]:80/",
    ],
)
def test_what_is_no_address_outside_is_refused(url: str) -> None:
    with pytest.raises(InvalidError, match="Invalid url"):
        check_url(url, allow_private=False)


def test_an_address_outside_is_accepted_as_it_is() -> None:
    url = "https://hook.example:8443/a?token=b"
    assert check_url(url, allow_private=False) == url
    assert check_url("http://127.0.0.1:9/", allow_private=True) == "http://127.0.0.1:9/"
