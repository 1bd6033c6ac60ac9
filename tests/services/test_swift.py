"""A real Swift with its own users, and one with those of a real Keystone: objects come back to who may have them."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError

import pytest

from headwater.services.swift import METADATA_BYTES_MAX, PASSWORD, USER
from tests.services.shared import Addresses


def ask(method: str, url: str, data: bytes | None = None, **headers: str) -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib.request.urlopen(urllib.request.Request(url, data, named, method=method), timeout=60) as answer:
        return answer.headers, answer.read()


def keeps_objects(store: str, token: str) -> None:
    """An object with its metadata comes back whole, in part, and in the listing."""
    ask("PUT", f"{store}/archive", X_Auth_Token=token)
    kind = "k" * (METADATA_BYTES_MAX // 20)
    more = {f"X-Object-Meta-Kind{at}": kind for at in range(15)}
    ask("PUT", f"{store}/archive/one", b"hello world", X_Auth_Token=token, **more)
    headers, body = ask("GET", f"{store}/archive/one", X_Auth_Token=token)
    assert (body, headers["X-Object-Meta-Kind14"]) == (b"hello world", kind)
    assert ask("GET", f"{store}/archive/one", X_Auth_Token=token, Range="bytes=0-4")[1] == b"hello"
    assert ask("GET", f"{store}/archive", X_Auth_Token=token)[1] == b"one\n"
    with pytest.raises(HTTPError, match="404"):
        ask("GET", f"{store}/archive/two", X_Auth_Token=token)
    with pytest.raises(HTTPError, match="401"):
        ask("GET", f"{store}/archive/one")


def token_of(keystone: str, user: str, password: str, project: str) -> tuple[str, Any]:
    """A token, and the catalogue of services that comes with it."""
    domain = {"id": "default"}
    identity = {"methods": ["password"], "password": {"user": {"name": user, "password": password, "domain": domain}}}
    wanted = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}
    headers, body = ask(
        "POST", f"http://{keystone}/v3/auth/tokens", json.dumps(wanted).encode(), Content_Type="application/json"
    )
    return headers["X-Subject-Token"], json.loads(body)["token"]["catalog"]


def test_an_object_comes_back_to_a_user_of_swift(swift: Addresses) -> None:
    headers, _ = ask("GET", f"http://{swift['http']}/auth/v1.0", X_Auth_User=USER, X_Auth_Key=PASSWORD)
    keeps_objects(headers["X-Storage-Url"], headers["X-Auth-Token"])
    with pytest.raises(HTTPError, match="401"):
        ask("GET", f"http://{swift['http']}/auth/v1.0", X_Auth_User=USER, X_Auth_Key="wrong")


@pytest.mark.timeout(300)
def test_an_object_comes_back_to_a_user_of_keystone(swift_with_keystone: Mapping[str, Addresses]) -> None:
    keystone = swift_with_keystone["keystone"]["http"]
    token, catalogue = token_of(keystone, "demo", "demo", "demo")
    urls = {entry["type"]: {endpoint["url"] for endpoint in entry["endpoints"]} for entry in catalogue}
    assert urls["identity"] == {f"http://{keystone}/v3"}
    (store,) = urls["object-store"]
    assert store.startswith(f"http://{swift_with_keystone['swift']['http']}/v1/AUTH_")
    keeps_objects(store, token)
    with pytest.raises(HTTPError, match="401"):
        token_of(keystone, "demo", "wrong", "demo")
