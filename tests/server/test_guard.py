"""With a token, only who has it; numbers as names cannot be rebound."""

import pytest

from xinc_lightning.server.guard import LOOPBACK, Guard, is_loopback


def refusal(query="", token="secret", hosts=LOOPBACK, **headers):
    return Guard(None, hosts, token)._refusal({"host": "127.0.0.1:80", **headers}, query)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", "token=", "token=other", "token=secre", "token=s%C3%A9cret"])
def test_without_the_token_nothing_is_answered(query):
    assert "token" in str(refusal(query))


def test_the_token_may_be_in_the_address_or_in_a_cookie():
    assert refusal("token=secret") is None
    guard = Guard(None, LOOPBACK, "secret")  # type: ignore[arg-type]
    assert refusal(cookie=f"a@b=[c]; {guard.cookie}=secret") is None
    assert refusal(cookie=f"{guard.cookie}=other") is not None
    assert Guard(None, LOOPBACK, "other").cookie != guard.cookie  # type: ignore[arg-type]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_servers_may_link_but_not_ask(site):
    """Those of this machine's other ports, too."""
    other = {"sec-fetch-site": site}
    assert refusal(token=None, **other, **{"sec-fetch-mode": "no-cors"}) is not None
    assert refusal(token=None, **other, **{"sec-fetch-mode": "navigate"}) is None


def test_addresses_in_numbers_need_a_token():
    assert refusal("token=secret", host="192.168.1.5:8642") is None
    assert refusal("token=secret", host="evil.example") is not None
    assert refusal(token=None, host="192.168.1.5:8642") is not None
    assert refusal(token=None) is None


def test_which_addresses_are_of_this_machine_alone():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "127.0.0.2")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.5", "example.org", "::")))
