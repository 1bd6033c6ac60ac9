"""Addresses."""

import pytest

from headwater.config.address import Address, parse_address, reached


@pytest.mark.parametrize("text", ["127.0.0.1:50051", "gateway-1.example:1", "[::1]:65535", "localhost:80"])
def test_an_address_reads_and_writes_the_same(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "50051", "host", "host:", ":1", "host:0", "host:65536", "host:-1", "::1:5", "a b:1", "a/b:1", "host:1x"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        parse_address(text)


def test_a_port_beyond_the_last_is_refused() -> None:
    assert Address("h", 50051).shifted(10) == Address("h", 50061)
    with pytest.raises(ValueError, match="port 65536 is not between 1 and 65535"):
        Address("h", 65535).shifted(1)


def test_a_wildcard_is_reached_over_the_loopback_interface() -> None:
    assert reached("0.0.0.0:5") == "127.0.0.1:5"
    assert reached("[::]:5") == "[::1]:5"
    assert reached("10.0.0.1:5") == "10.0.0.1:5"
