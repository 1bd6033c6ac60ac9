"""Statements that someone may send, from a grammar: harmless ones, and whatever reaches for more than it may have.

Places in them: {folder} is a folder with a secret and {port} a port that nobody may connect to.
"""

from random import Random

_COLUMNS = ("id", "node", "meter", "metric", "timestamp", "rtime", "inputs", "contribution", "value", "line", "nope")
_FILES = (
    "'{folder}/secret.csv'",
    "'{folder}/*'",
    "'/etc/passwd'",
    "'/proc/self/environ'",
    "'file://{folder}/secret.csv'",
    "'http://127.0.0.1:{port}/secret.csv'",
    "'s3://bucket/secret.parquet'",
    "['{folder}/secret.csv']",
)
_READERS = (
    "read_csv",
    "read_csv_auto",
    "read_json",
    "read_ndjson_objects",
    "read_text",
    "read_blob",
    "read_parquet",
    "parquet_scan",
    "parquet_metadata",
    "glob",
    "sniff_csv",
    "query_table",
)
_STATEMENTS = (
    "COPY ({query}) TO '{folder}/out.csv'",
    "COPY provenance FROM {file}",
    "EXPORT DATABASE '{folder}/out'",
    "ATTACH '{folder}/out.db' AS other",
    "ATTACH {file} AS other (READ_ONLY)",
    "CREATE TABLE t AS {query}",
    "CREATE MACRO lower(x) AS getenv(x)",
    "CREATE VIEW provenance AS {query}",
    "CREATE SECRET s (TYPE s3)",
    "INSERT INTO provenance {query}",
    "UPDATE provenance SET id = 'x'",
    "DELETE FROM provenance",
    "DROP VIEW provenance",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET enable_external_access = true",
    "SET memory_limit = '100GB'",
    "SET temp_directory = '{folder}/out'",
    "RESET lock_configuration",
    "INSTALL httpfs",
    "LOAD {file}",
    "CALL pragma_version()",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN TRANSACTION",
    "EXPLAIN ANALYZE {query}",
    "PREPARE q AS {query}",
    "EXECUTE q",
    "IMPORT DATABASE {file}",
    "USE memory",
    "DETACH memory",
)
_REACHING = (
    "getenv('HEADWATER_SECRET')",
    "current_setting('secret_directory')",
    "getvariable('x')",
    "json_serialize_plan('{query}')",
    "nextval('s')",
    "write_log('x')",
    "system.main.getenv('HEADWATER_SECRET')",
    "pg_sleep(100)",
    "sleep_ms(100000)",
    "current_query()",
    "{{'a': getenv('HEADWATER_SECRET')}}",
    "list_transform([1], lambda x: getenv('HEADWATER_SECRET'))",
    "(SELECT content FROM read_text({file}))",
)
_HEAVY = (
    "repeat('x', 4000000000)",
    "length(repeat('ab', 300000000))",
    "lpad('x', 2000000000, 'y')",
    "printf('%1500000000d', 1)",
    "list_resize([1], 1000000000)",
    "range(1000000000)",
    "string_agg(repeat('x', 100000), '')",
    "md5(repeat('x', 1000000))",
    "regexp_replace(repeat('a', 100000), '(a*)*b', 'x')",
    "factorial(30)",
    "array_to_string(range(50000000), '')",
)
_HEAVY_TABLES = (
    "range(1000000000000) a",
    "provenance a, provenance b, provenance c, provenance d, range(100000) e",
    "(SELECT unnest(range(1000000)) AS x, repeat('y', 1000) AS y ORDER BY y, x) a",
    "(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t) a",
    "(WITH RECURSIVE t(n) AS (SELECT 'x' UNION ALL SELECT n || n FROM t) SELECT * FROM t) a",
)
_WORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER", "LIMIT", "NULL", "WITH", "AS", "(", ")", ",", "*", "'x'", '"'),
    *(";", "--", "/*", "*/", "$$", "?", "$1", "::", "[", "]", "{", "}", "é", "\0", "\\", "1e999", ".5"),
)


def statement(random: Random) -> str:
    """One statement."""
    kind = random.random()
    if kind < 0.45:
        return _select(random, 2, 0.0)
    if kind < 0.75:
        return _select(random, 2, 0.3)
    if kind < 0.9:
        return _filled(random, random.choice(_STATEMENTS))
    text = _select(random, 1, 0.2) if random.random() < 0.5 else _filled(random, random.choice(_STATEMENTS))
    return _garbled(random, text)


def _filled(random: Random, pattern: str) -> str:
    """A pattern with its query and its file, the places left as they are."""
    found = pattern.replace("{query}", _select(random, 1, 0.1)).replace("{file}", random.choice(_FILES))
    return found.replace("{{", "{").replace("}}", "}")


def _select(random: Random, depth: int, reach: float) -> str:
    shown = ", ".join(_expression(random, depth, reach) for _ in range(random.randint(1, 3)))
    shown = random.choice([shown, shown, "*", "DISTINCT " + shown, "count(*)"])
    text = f"SELECT {shown} FROM {_table(random, depth, reach)}"
    if random.random() < 0.6:
        text += f" WHERE {_condition(random, depth, reach)}"
    if random.random() < 0.2:
        text += random.choice([" GROUP BY ALL", " GROUP BY 1", " HAVING count(*) > 0"])
    if random.random() < 0.3:
        text += f" ORDER BY {random.choice([*_COLUMNS, '1', 'ALL'])} {random.choice(['', 'DESC', 'NULLS LAST'])}"
    if random.random() < 0.5:
        text += f" LIMIT {random.choice(['0', '5', '50', '10%', '1000000000', '(SELECT 1)'])}"
    if depth and random.random() < 0.15:
        text += random.choice([" UNION ALL ", " EXCEPT ", " INTERSECT "]) + _select(random, depth - 1, reach)
    if depth and random.random() < 0.1:
        name = random.choice(["t", "a b", "provenance", "secret", "pg_class"])
        text = f'WITH {random.choice(["", "RECURSIVE "])}"{name}" AS ({_select(random, depth - 1, reach)}) {text}'
    return text


def _table(random: Random, depth: int, reach: float) -> str:
    if random.random() < reach:
        reader = f"{random.choice(_READERS)}({random.choice(_FILES)})"
        return random.choice(
            [
                reader,
                random.choice(_FILES).replace("[", "").replace("]", ""),
                random.choice(_HEAVY_TABLES),
                f"query('{_select(random, 0, 0).replace(chr(39), chr(39) * 2)}')",
                "duckdb_settings()",
                "information_schema.tables",
                "pragma_database_size()",
                "sqlite_master",
                f"provenance, {reader}",
            ]
        )
    plain = ["provenance", "provenance p", "provenance AS q(a, b)", "provenance TABLESAMPLE 50%", "range(5) r"]
    if depth and random.random() < 0.3:
        plain = [
            f"({_select(random, depth - 1, reach)}) s",
            "provenance a JOIN provenance b ON list_contains(b.inputs, a.id)",
            "provenance a LEFT JOIN provenance b USING (id)",
            "provenance a, unnest(a.inputs) AS i(input)",
            "(VALUES (1, 'x'), (2, NULL)) v(n, x)",
        ]
    return random.choice(plain)


def _condition(random: Random, depth: int, reach: float) -> str:
    left, right = _expression(random, 0, reach / 2), _expression(random, depth, reach / 2)
    simple = f"{left} {random.choice(['=', '<', '>=', '<>', 'IN', 'LIKE', 'BETWEEN 1 AND'])} {right}"
    if depth and random.random() < 0.4:
        return f"({_condition(random, depth - 1, reach)} {random.choice(['AND', 'OR', 'AND NOT'])} {simple})"
    return simple


def _expression(random: Random, depth: int, reach: float) -> str:
    if random.random() < reach:
        return _filled(random, random.choice(random.choice([_REACHING, _HEAVY])))
    leaves = [*_COLUMNS, "1", "NULL", "'000001'", "-1.5", "1518047543000", "now()", "['a']", "'5a7b9137000000000001'"]
    if not depth or random.random() < 0.5:
        return random.choice(leaves)
    inner = _expression(random, depth - 1, reach)
    return random.choice(
        [
            f"{random.choice(['upper', 'length', 'count', 'max', 'md5', 'epoch_ms', 'to_json', 'unnest'])}({inner})",
            f"CAST({inner} AS {random.choice(['VARCHAR', 'BIGINT', 'DOUBLE', 'TIMESTAMP', 'INT[]'])})",
            f"CASE WHEN {inner} IS NULL THEN 1 ELSE {inner} END",
            f"row_number() OVER (PARTITION BY {inner} ORDER BY id)",
            f"list_transform([{inner}], lambda x: x)",
            f"({inner} || 'x')",
            f"({_select(random, depth - 1, reach)})",
        ]
    )


def _garbled(random: Random, text: str) -> str:
    """A statement with words put in, cut out, or in another order."""
    words = text.split(" ")
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(words))
        words[at : at + random.randint(0, 2)] = [random.choice(_WORDS) for _ in range(random.randint(0, 2))]
    if random.random() < 0.3:
        words += [";", random.choice(_STATEMENTS)]
    return " ".join(words)
