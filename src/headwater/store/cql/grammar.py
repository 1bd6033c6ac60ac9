"""What a CQL text asks for, by a grammar of ours that knows SELECT and nothing else; pure.

select    = SELECT columns FROM [keyspace "."] table WHERE relation {AND relation}
            [ORDER BY order {"," order}] [PER PARTITION LIMIT n] [LIMIT n] [";"]
columns   = "*" | column {"," column}
column    = (name | COUNT "(" "*" ")" | TOKEN "(" name {"," name} ")") [AS name]
relation  = name ("=" | "<" | "<=" | ">" | ">=") value | name IN "(" value {"," value} ")"
order     = name [ASC | DESC]
"""

from collections.abc import Callable
from typing import NamedTuple, NoReturn, TypeVar

from headwater.store.cql.tokens import Token, Value, fault, tokens

T = TypeVar("T")
COMPARISONS = ("=", "<", "<=", ">", ">=")
LIMIT_MAX = (1 << 31) - 1
_OTHERS = {
    "insert": "only SELECT is answered: nothing can be changed here",
    "json": "SELECT JSON is not answered: answers are JSON anyway",
    "distinct": "SELECT DISTINCT reads the keys of all partitions: name the partition",
    "allow": "ALLOW FILTERING reads all of a table: name the partition, and compare clustering columns",
    "filtering": "ALLOW FILTERING reads all of a table: name the partition, and compare clustering columns",
    "group": "GROUP BY is not answered here: SQL (/v1/query) has it",
    "contains": "CONTAINS needs an index, and there is none",
    "like": "LIKE needs an index, and there is none",
    "cast": "only count(*) and token() are taken, no other function",
    "null": "nothing is equal to null: leave the comparison out",
}


class Name(NamedTuple):
    """A name and where it stands."""

    text: str
    at: int


class Literal(NamedTuple):
    """A value and where it stands."""

    value: Value
    at: int


class Column(NamedTuple):
    """What a column of the answer is: a column of the table, `count` or `token` of some."""

    of: str
    names: tuple[Name, ...]
    alias: str | None = None


class Relation(NamedTuple):
    """A column compared with a value, or with several (`in`)."""

    column: Name
    sign: str
    values: tuple[Literal, ...]


class Order(NamedTuple):
    """A column to sort by."""

    column: Name
    descending: bool


class Select(NamedTuple):
    """A SELECT as it was meant."""

    text: str
    columns: tuple[Column, ...]
    """None of them: all (`*`)."""
    keyspace: Name | None
    table: Name
    where: tuple[Relation, ...]
    order: tuple[Order, ...]
    per_partition: int | None
    limit: int | None
    end: int
    """Where more relations could stand."""


def parse(text: str) -> Select:
    """What a text asks for; SqlFault with place and reason for anything but one SELECT."""
    return _Parser(text).select()


class _Parser:
    """Reads the words of a text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0

    def select(self) -> Select:
        if not self._take("select"):
            self._refuse("only SELECT is answered, so this has to be one" if self._next.kind != "end" else "a SELECT")
        columns = () if self._sign("*") else tuple(self._many(self._column))
        self._need("from")
        keyspace, table = None, self._name("a table")
        if self._sign("."):
            keyspace, table = table, self._name("a table")
        where: list[Relation] = []
        if self._take("where"):
            where.append(self._relation())
            while self._take("and"):
                where.append(self._relation())
        end = self._tokens[self._at - 1].at + len(self._tokens[self._at - 1].text)
        order: list[Order] = []
        if self._take("order"):
            self._need("by")
            order = self._many(self._order)
        per_partition = limit = None
        if self._take("per"):
            self._need("partition")
            self._need("limit")
            per_partition = self._count()
        if self._take("limit"):
            limit = self._count()
        while self._sign(";"):
            pass
        if self._next.kind != "end":
            self._refuse("nothing more is understood here, and only one statement is taken")
        return Select(self._text, columns, keyspace, table, tuple(where), tuple(order), per_partition, limit, end)

    def _column(self) -> Column:
        name = self._name("a column, count(*) or token(…)")
        found = Column("column", (name,))
        if self._sign("("):
            if name.text == "count":
                if not self._sign("*"):
                    self._refuse("count(*) is taken, no other count")
                found = Column("count", ())
            elif name.text == "token":
                found = Column("token", tuple(self._many(lambda: self._name("a column"))))
            else:
                raise fault(self._text, name.at, f"only count(*) and token() are taken, not {name.text[:40]}()")
            self._need_sign(")")
        return found._replace(alias=self._name("a name").text) if self._take("as") else found

    def _relation(self) -> Relation:
        if self._next == Token("sign", "(", self._next.at):
            self._refuse("columns are compared one by one, not as a tuple")
        column = self._name("a column")
        if self._next.kind == "sign" and self._next.text in COMPARISONS:
            return Relation(column, self._step().text, (self._literal(),))
        if self._take("in"):
            self._need_sign("(")
            values = self._many(self._literal)
            self._need_sign(")")
            return Relation(column, "in", tuple(values))
        if column.text == "token":
            raise fault(self._text, column.at, "a range of tokens is no partition: name the partition by its columns")
        self._refuse(f"{column.text[:40]} is compared by =, <, <=, >, >= or IN (…)")

    def _order(self) -> Order:
        column = self._name("a column")
        descending = self._take("desc")
        if not descending:
            self._take("asc")
        return Order(column, descending)

    def _literal(self) -> Literal:
        token = self._next
        if token.kind != "value" or token.value is None:
            self._refuse("a value is needed: a number, 'text', true, 0x… or a UUID")
        return Literal(token.value, self._step().at)

    def _count(self) -> int:
        token = self._next
        if type(token.value) is not int or not 1 <= token.value <= LIMIT_MAX:
            self._refuse(f"a limit is an integer within 1..{LIMIT_MAX}")
        self._step()
        return token.value

    def _name(self, what: str) -> Name:
        if self._next.kind not in ("word", "quoted") or (self._next.kind == "word" and self._next.text in _RESERVED):
            self._refuse(f"{what} is needed")
        return Name(self._next.text, self._step().at)

    def _many(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self._sign(","):
            found.append(one())
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _step(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, word: str) -> bool:
        """Whether a word comes next; it is passed then."""
        return self._passed("word", word)

    def _sign(self, sign: str) -> bool:
        return self._passed("sign", sign)

    def _passed(self, kind: str, text: str) -> bool:
        found = (self._next.kind, self._next.text) == (kind, text)
        self._at += found
        return found

    def _need(self, word: str) -> None:
        if not self._take(word):
            self._refuse(f"{word.upper()} is needed")

    def _need_sign(self, sign: str) -> None:
        if not self._sign(sign):
            self._refuse(f"{sign} is needed")

    def _refuse(self, detail: str) -> NoReturn:
        token = self._next
        known = _OTHERS.get(token.text) if token.kind == "word" else None
        raise fault(self._text, token.at, f"{known or detail} (there is {token})")


_RESERVED_WORDS = """
    add allow alter and apply asc authorize batch begin by columnfamily create default delete desc describe drop
    entries execute from full grant if in index infinity insert into is limit materialized modify nan norecursive
    not null of on or order primary rename replace revoke schema select set table to truncate unlogged unset update
    use using view where with distinct json group cast
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
"""Words that are a name only between double quotes."""
