"""The 2018 configuration: the same keys and defaults, and what is said when one cannot be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.capture.configuration import (
    KEYS,
    CassandraSettings,
    Neighbour,
    NodeSettings,
    from_environment,
    parse_properties,
    read_properties,
)
from headwater.model.context import ALL_METRICS
from headwater.model.errors import ConfigError

FULL = {
    "NODE_ID": "00000A",
    "NODE_NAME": "gatewayA",
    "SUCCESSOR": "000002",
    "NEIGHBOURS": "000002:10.0.0.2, 000003:roof",
    "SINK": "Headwater",
    "METRICS": "meterid, ctime",
    "BUFFER_CAPACITY": "100",
    "CASSANDRA_HOST": "db",
    "CASSANDRA_PORT": "9043",
    "CASSANDRA_KEYSPACE_NAME": "k",
    "CASSANDRA_TABLE_NAME": "t",
    "CASSANDRA_REPLICATION_STRATEGY": "NetworkTopologyStrategy",
    "CASSANDRA_REPLICATION_FACTOR": "3",
}
MEANT = NodeSettings(
    node=10,
    name="gatewayA",
    successor=2,
    neighbours=(Neighbour(2, "10.0.0.2"), Neighbour(3, "roof")),
    metrics=("meterid", "ctime"),
    buffer_capacity=100,
    cassandra=CassandraSettings("db", 9043, "k", "t", "NetworkTopologyStrategy", 3),
)


def entries(text: str) -> list[tuple[str, str]]:
    return [(key, value) for _, key, value in read_properties(text, "t.properties")]


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_properties(text, "t.properties")
    return str(caught.value)


def test_an_environment_says_all_keys() -> None:
    assert set(FULL) == set(KEYS)
    assert from_environment(FULL) == MEANT


def test_a_file_says_the_same_as_an_environment() -> None:
    assert parse_properties("\n".join(f"{key}={value}" for key, value in FULL.items()), "t") == MEANT


def test_the_defaults_are_those_of_the_2018_image_with_our_sink() -> None:
    settings = from_environment({"PATH": "/bin"})
    assert settings == parse_properties("", "t")
    assert (settings.node, settings.name, settings.successor) == (0, "NONAME", 0)
    assert settings.neighbours == (Neighbour(0, "127.0.0.1"),)
    assert (settings.sink, settings.metrics, settings.buffer_capacity) == ("headwater", ALL_METRICS, 10)
    cassandra = ("127.0.0.1", 9042, "provenancekey", "provenancetable", "SimpleStrategy", 1)
    assert settings.cassandra == CassandraSettings(*cassandra)


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert from_environment({"NODE_NAME": "", "METRICS": " "}) == NodeSettings()


def test_other_variables_are_nobodys_business() -> None:
    assert from_environment({"NODE_IDENTITY": "x", "JAVA_OPTS": "-Xmx1g"}) == NodeSettings()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("NODE_ID = 00001", "'00001' is not a node id: 6 hexadecimal digits are needed"),
        ("NODE_ID = 00000001", "'00000001' is not a node id: 6 hexadecimal digits are needed"),
        ("NODE_ID =", "'' is not a node id: 6 hexadecimal digits are needed"),
        ("NODE_NAME =", "'': must not be empty"),
        ("SUCCESSOR = next", "'next' is not a node id: 6 hexadecimal digits are needed"),
        ("NEIGHBOURS = 000002", '"000002" is not of the form id:host'),
        ("NEIGHBOURS = 000002:a,,", '"" is not of the form id:host'),
        ("NEIGHBOURS = 2:a", "'2' is not a node id"),
        ("SINK = cassandra", "the server, whose [store] can be Cassandra; use SINK = headwater"),
        ("SINK = CASSANDRA", "a node sends stamps to the server"),
        ("SINK = redis", "must be headwater"),
        ("METRICS = meterid, time", '"time" is not a metric: there are meterid, metricid, loc, line, class, app'),
        ("METRICS = METER", '"METER" is not a metric'),
        ("METRICS = ctime,", '"" is not a metric'),
        ("METRICS = ctime, ctime", 'the metric "ctime" is named twice'),
        ("BUFFER_CAPACITY = 0", "'0': must be a whole number above 0"),
        ("BUFFER_CAPACITY = ten", "'ten': must be a whole number above 0"),
        ("CASSANDRA_PORT = x", "'x': must be a whole number above 0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_place(line: str, told: str) -> None:
    key, _, value = line.partition(" = ")
    message = refusal(f"# a comment\n\n{line}\n")
    assert message.startswith(f"t.properties, line 3: {key.removesuffix(' =')}")
    assert told in message
    if value:
        with pytest.raises(ConfigError, match=f"^environment: {key}"):
            from_environment({key: value})


def test_an_unknown_key_in_a_file_is_refused_by_name() -> None:
    told = 't.properties, line 2: unknown key "NODE_IDD"; did you mean "NODE_ID"?'
    assert refusal("SINK=headwater\nNODE_IDD=000001") == told
    assert 'unknown key "colour"; there are NODE_ID, ' in refusal("colour=red")


def test_a_key_given_twice_is_refused() -> None:
    assert refusal("NODE_ID=000001\nNODE_ID=000002") == "t.properties, line 2: NODE_ID is given a second time"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k=v", ("k", "v")),
        ("k:v", ("k", "v")),
        ("k v", ("k", "v")),
        ("  k \t=\f v", ("k", "v")),
        ("k = = v", ("k", "= v")),
        ("k", ("k", "")),
        ("k\\ 1\\=\\:=v", ("k 1=:", "v")),
        ("k=a\\tb\\nc\\\\d\\qe", ("k", "a\tb\nc\\dqe")),
        ("k=gr\\u00fcn \\uD83D\\uDE00", ("k", "grün 😀")),
        ("k=a\\\n   b\\\r\n\tc", ("k", "abc")),
        ("k=a\\\n# no comment", ("k", "a# no comment")),
        ("k=a\\\\\nl=b", ("k", "a\\")),
        ("\ufeffk=v\\", ("k", "v")),
    ],
)
def test_a_line_reads_as_java_reads_it(text: str, expected: tuple[str, str]) -> None:
    assert entries(text)[0] == expected


def test_comments_and_blank_lines_say_nothing() -> None:
    assert entries("# a=1\n! b=2\n\n   \n  # c=3 \\\nd=4\r\n!e\re=5") == [("d", "4"), ("e", "5")]


def test_lines_are_counted_where_entries_begin() -> None:
    read = list(read_properties("a=1\\\n2\n#\nb=3", "t"))
    assert [(entry.line, entry.key, entry.value) for entry in read] == [(1, "a", "12"), (4, "b", "3")]


def test_a_broken_escape_is_named() -> None:
    assert refusal("NODE_NAME=\\u00g0").startswith("t.properties, line 1: \\u00g0 is no character")


def escaped(text: str) -> str:
    """As java.util.Properties.store writes: everything unusual as UTF-16 escapes."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=4))
def test_what_java_stores_is_read_back(pairs: dict[str, str]) -> None:
    text = "\n".join(f"{escaped(key)}={escaped(value)}" for key, value in pairs.items())
    assert dict(entries(text)) == pairs


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = list(read_properties(text, "t"))
    except ConfigError:
        assert "\\u" in text
    else:
        assert all(line > 0 for line, _, _ in read)


def test_settings_do_not_depend_on_the_order_of_a_file() -> None:
    lines = [f"{key}={value}" for key, value in FULL.items()]
    assert parse_properties("\n".join(reversed(lines)), "t") == MEANT
