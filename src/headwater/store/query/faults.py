"""What is wrong with a query, and where: refusals that name a line and a column."""

from headwater.model.errors import Rejected


class SqlFault(Rejected):
    """A query that will not run; `line` and `column` count from 1 when the place is known."""

    def __init__(self, detail: str, line: int | None = None, column: int | None = None, reason: str = "sql") -> None:
        place = "" if line is None else f"line {line}, column {column}: "
        super().__init__(reason, f"{place}{detail}")
        self.said = detail
        self.line = line
        self.column = column


def fault_at(sql: str, offset: int | None, detail: str) -> SqlFault:
    """A fault at an offset in the UTF-8 bytes of a query; an offset that is not in it is no place."""
    text = sql.encode("utf-8", "surrogatepass")
    if offset is None or not 0 <= offset <= len(text):
        return SqlFault(detail)
    before = text[:offset].decode("utf-8", "ignore")
    return SqlFault(detail, before.count("\n") + 1, len(before) - before.rfind("\n"))
