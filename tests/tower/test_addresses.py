"""An address is shown without its secrets, and used with them."""

from __future__ import annotations

import copy
import json
import pickle
import ssl

import pytest

from tests.fakes.proxy import FakeProxy
from tower.addresses import Address, used_form
from tower.clients.prefect import PrefectClient
from tower.errors import UnavailableError
from tower.settings import Settings

SECRETS = ("s3cret", "kai")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://gpu-box:8188", "http://gpu-box:8188"),
        ("http://kai:s3cret@gpu-box:8188", "http://gpu-box:8188"),
        ("http://kai:s3cret@gpu-box/comfy/?token=s3cret#s3cret", "http://gpu-box/comfy/"),
        ("http://kai@[::1]:8188?s3cret", "http://[::1]:8188"),
        ("http://kai:s3cret@s3cret@gpu-box", "http://gpu-box"),
        ("http://kai:s3/cret@gpu-box", "http://gpu-box"),
        ("postgresql+psycopg://kai:s3cret@db/tower", "postgresql+psycopg://db/tower"),
        ("kai:s3cret@gpu-box:8188", "gpu-box:8188"),
    ],
)
def test_no_form_of_an_address_shows_its_secrets(given: str, shown: str) -> None:
    address = Address(given)
    assert str(address) == shown
    for text in (f"{address}", repr(address), address + "/queue", json.dumps([address]), str({"url": address})):
        assert not any(secret in text for secret in SECRETS)
    assert used_form(address) == given
    assert copy.deepcopy(address).used == pickle.loads(pickle.dumps(address)).used == given
    assert Address(address).used == given


def test_a_client_sends_the_password_in_a_header_and_the_query_with_each_request() -> None:
    with FakeProxy(502, "<html>") as proxy:
        given = proxy.url.replace("http://", "http://kai:s3%2Fcret@") + "/api?token=s3cret"
        client = PrefectClient(given)
        with pytest.raises(UnavailableError) as error:
            client.get_version()
        client.close()
    method, path, headers = proxy.requests[0]
    assert (method, path) == ("GET", "/api/admin/version?token=s3cret")
    assert headers["Authorization"] == "Basic a2FpOnMzL2NyZXQ="
    assert not any(secret in error.value.message for secret in SECRETS)


def test_the_settings_hide_secrets_and_pass_them_on_to_other_processes() -> None:
    settings = Settings(
        comfyui_url=Address("http://kai:s3cret@gpu-box"), database_url=Address("postgresql://kai:s3cret@db/tower")
    )
    assert not any(secret in repr(settings) + str(settings) for secret in SECRETS)
    assert settings.model_dump(mode="json")["database_url"] == "postgresql://kai:s3cret@db/tower"


def test_the_credentials_of_comfyui_have_settings_of_their_own() -> None:
    basic = Settings(comfyui_url=Address("http://gpu-box"), comfyui_user="kai", comfyui_password="p@ss/word").comfyui
    bearer = Settings(comfyui_url=Address("http://kai:old@gpu-box"), comfyui_token="s3cret").comfyui
    assert basic is not None
    assert bearer is not None
    assert basic.headers == {"Authorization": "Basic a2FpOnBAc3Mvd29yZA=="}
    assert bearer.headers == {"Authorization": "Bearer s3cret"}
    assert (str(basic), str(bearer)) == ("http://gpu-box", "http://gpu-box")
    with pytest.raises(ValueError, match="either TOWER_COMFYUI_TOKEN"):
        Settings(comfyui_user="kai", comfyui_token="s3cret")


def test_the_text_of_a_driver_is_redacted() -> None:
    address = Address("postgresql://kai:s3%zzcret@db/tower")
    assert address.redact('invalid token: "s3%zzcret"') == 'invalid token: "***"'


def test_all_clients_share_the_root_certificates_and_check_them() -> None:
    context = Address("http://one:8188").client_options()["verify"]
    assert context is Address("https://another").client_options()["verify"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 50
