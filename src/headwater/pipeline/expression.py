"""The expressions of the step `filter`: conditions on a reading, checked when configured, evaluated column-wise.

A condition is written as in Python, over `meter`, `metric`, `timestamp` (ms) and `value`. It is parsed with Python's
own parser and taken apart here against a list of what is allowed; nothing of it is ever run as Python.
"""

import ast
import operator
from collections.abc import Callable
from fnmatch import translate
from functools import partial
from re import compile as compile_pattern
from typing import Any, NamedTuple
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray

LENGTH_MAX = 2000
DEPTH_MAX = 50
INTEGER_MAX = (1 << 63) - 1
ALLOWED = (
    "allowed are meter, metric, timestamp, value, numbers, texts, + - * / // %, comparisons, in, and, or, not, "
    "abs, floor, ceil, isnan, isfinite, hour, weekday, like, and startswith and endswith of a text"
)

Column = NDArray[Any]
Texts = list[str]


class Scope(NamedTuple):
    """The readings that a condition is evaluated on."""

    meters: Texts
    """Of each series."""
    metrics: Texts
    series: NDArray[np.int64]
    """For each reading which series it belongs to, as a position in `meters` and `metrics`."""
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


class _Text(NamedTuple):
    """A text per series, or the same for all."""

    of: Callable[[Scope], Texts]
    constant: str | None = None


class _Number(NamedTuple):
    of: Callable[[Scope], Column]


class _Truth(NamedTuple):
    of: Callable[[Scope], Column]


_Node = _Text | _Number | _Truth

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_NUMBERS: dict[str, Callable[[Column], Column]] = {
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "hour": lambda timestamps: timestamps // 3_600_000 % 24,
    "weekday": lambda timestamps: (timestamps // 86_400_000 + 3) % 7,
}
_TRUTHS: dict[str, Callable[[Column], Column]] = {"isnan": np.isnan, "isfinite": np.isfinite}
_WORDS = {"Lambda": "lambda", "ListComp": "a comprehension", "IfExp": "if", "Attribute": "an attribute"}


class Condition:
    """A condition that was checked."""

    def __init__(self, text: str) -> None:
        """ValueError says what in the text is wrong, at which position, and what is allowed."""
        self.text = text
        if len(text) > LENGTH_MAX:
            raise ValueError(f"a condition of {len(text)} characters, at most {LENGTH_MAX} are allowed")
        try:
            with catch_warnings(action="ignore"):
                tree = ast.parse(text.strip(), mode="eval")
        except SyntaxError as error:
            raise ValueError(f"position {error.offset or len(text) + 1}: {error.msg}; {ALLOWED}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"it cannot be read: {error}; {ALLOWED}") from None
        node = _node(tree.body, 0)
        if not isinstance(node, _Truth):
            raise _fault(tree.body, 'a condition is needed, such as "value < 100"')
        self._truth = node

    def of(self, scope: Scope) -> NDArray[np.bool_]:
        """For each reading whether the condition holds. What cannot be computed, as 1 / 0, does what floats do."""
        with np.errstate(all="ignore"):
            found = self._truth.of(scope)
        return np.broadcast_to(np.asarray(found, np.bool_), scope.values.shape)


def _fault(node: ast.AST, what: str) -> ValueError:
    return ValueError(f"position {getattr(node, 'col_offset', 0) + 1}: {what}; {ALLOWED}")


def _node(node: ast.AST, depth: int) -> _Node:
    if depth > DEPTH_MAX:
        raise _fault(node, f"it is nested more than {DEPTH_MAX} deep")
    below = partial(_node, depth=depth + 1)
    match node:
        case ast.Name():
            return _name(node)
        case ast.Constant():
            return _constant(node)
        case ast.BoolOp():
            return _combined(node, [_truth(value, below) for value in node.values])
        case ast.UnaryOp():
            return _unary(node, below)
        case ast.BinOp():
            return _arithmetic(node, below)
        case ast.Compare():
            return _comparison(node, below)
        case ast.Call():
            return _call(node, below)
    word = _WORDS.get(type(node).__name__, type(node).__name__.lower())
    raise _fault(node, f"{word} is not allowed here")


_Below = Callable[[ast.AST], _Node]


def _truth(node: ast.AST, below: _Below) -> _Truth:
    made = below(node)
    if not isinstance(made, _Truth):
        raise _fault(node, "a condition is needed here")
    return made


def _number(node: ast.AST, below: _Below) -> _Number:
    made = below(node)
    if not isinstance(made, _Number):
        raise _fault(node, "a number is needed here")
    return made


def _name(node: ast.Name) -> _Node:
    match node.id:
        case "meter":
            return _Text(lambda scope: scope.meters)
        case "metric":
            return _Text(lambda scope: scope.metrics)
        case "timestamp":
            return _Number(lambda scope: scope.timestamps)
        case "value":
            return _Number(lambda scope: scope.values)
    raise _fault(node, f'"{node.id}" is not known')


def _constant(node: ast.Constant) -> _Node:
    value = node.value
    if isinstance(value, bool):
        truth = np.bool_(value)
        return _Truth(lambda scope: np.full(scope.values.shape, truth))
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        raise _fault(node, "the number is too large")
    if isinstance(value, int | float):
        number = np.int64(value) if isinstance(value, int) else np.float64(value)
        return _Number(lambda scope: np.full(scope.values.shape, number))
    if isinstance(value, str):
        return _Text(lambda scope: [value] * len(scope.meters), value)
    raise _fault(node, f"{value!r} is not allowed")


def _combined(node: ast.BoolOp, truths: list[_Truth]) -> _Truth:
    combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
    return _Truth(lambda scope: combine.reduce([truth.of(scope) for truth in truths]))


def _unary(node: ast.UnaryOp, below: _Below) -> _Node:
    if isinstance(node.op, ast.Not):
        truth = _truth(node.operand, below)
        return _Truth(lambda scope: ~truth.of(scope))
    if isinstance(node.op, ast.USub | ast.UAdd):
        number, negative = _number(node.operand, below), isinstance(node.op, ast.USub)
        return _Number(lambda scope: -number.of(scope) if negative else number.of(scope))
    raise _fault(node, "~ is not allowed")


def _arithmetic(node: ast.BinOp, below: _Below) -> _Node:
    compute = _ARITHMETIC.get(type(node.op))
    if compute is None:
        raise _fault(node, "this operator is not allowed")
    left, right = _number(node.left, below), _number(node.right, below)
    return _Number(lambda scope: compute(left.of(scope), right.of(scope)))


def _comparison(node: ast.Compare, below: _Below) -> _Truth:
    """Also a chain, such as `10 < value <= 20`."""
    parts: list[_Truth] = []
    left: ast.expr = node.left
    for sign, right in zip(node.ops, node.comparators, strict=True):
        parts.append(_compared(left, sign, right, below))
        left = right
    return parts[0] if len(parts) == 1 else _Truth(lambda scope: np.logical_and.reduce([p.of(scope) for p in parts]))


def _compared(left: ast.expr, sign: ast.cmpop, right: ast.expr, below: _Below) -> _Truth:
    if isinstance(sign, ast.In | ast.NotIn):
        return _member(left, isinstance(sign, ast.NotIn), right, below)
    compare = _COMPARISONS.get(type(sign))
    if compare is None:
        raise _fault(left, "`is` is not allowed")
    a, b = below(left), below(right)
    if isinstance(a, _Text) and isinstance(b, _Text):
        one, other = a.of, b.of
        return _each(lambda scope: list(map(compare, one(scope), other(scope))))
    if isinstance(a, _Number) and isinstance(b, _Number):
        low, high = a.of, b.of
        return _Truth(lambda scope: compare(low(scope), high(scope)))
    raise _fault(right, "a text and a number cannot be compared, nor can conditions")


def _each(of: Callable[[Scope], list[bool]]) -> _Truth:
    """What is so or not for each series, for each reading."""
    return _Truth(lambda scope: np.array(of(scope), np.bool_)[scope.series])


def _member(left: ast.expr, negated: bool, right: ast.expr, below: _Below) -> _Truth:
    """`x in (a, b)`, or a text in a text."""
    item = below(left)
    if isinstance(right, ast.Tuple | ast.List | ast.Set):
        if not isinstance(item, _Text | _Number):
            raise _fault(left, "a text or a number is needed here")
        equal = [_compared(left, ast.Eq(), other, below) for other in right.elts]
        found = _Truth(lambda scope: np.logical_or.reduce([e.of(scope) for e in equal], axis=0))
        if not equal:
            raise _fault(right, "the list is empty")
    else:
        text, inside = item, below(right)
        if not isinstance(text, _Text) or not isinstance(inside, _Text):
            raise _fault(right, "a list in parentheses is needed here, or two texts")
        part, whole = text.of, inside.of
        found = _each(lambda scope: [one in other for one, other in zip(part(scope), whole(scope), strict=True)])
    return _Truth(lambda scope: ~found.of(scope)) if negated else found


def _call(node: ast.Call, below: _Below) -> _Node:
    if node.keywords:
        raise _fault(node, "arguments have no names here")
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("startswith", "endswith"):
        return _of_text(node, node.func.value, str.startswith if node.func.attr == "startswith" else str.endswith)(
            below
        )
    if not isinstance(node.func, ast.Name):
        raise _fault(node, "this is not a function")
    name = node.func.id
    if name == "like":
        return _like(node, below)
    function = _NUMBERS.get(name) or _TRUTHS.get(name)
    if function is None:
        raise _fault(node, f'there is no function "{name}"')
    if len(node.args) != 1:
        raise _fault(node, f"{name} takes one number")
    number, compute = _number(node.args[0], below), function
    made = _Number if name in _NUMBERS else _Truth
    return made(lambda scope: compute(number.of(scope)))


def _of_text(node: ast.Call, owner: ast.expr, test: Callable[[str, str], bool]) -> Callable[[_Below], _Truth]:
    def make(below: _Below) -> _Truth:
        text = below(owner)
        (part,) = [below(argument) for argument in node.args] if len(node.args) == 1 else (None,)
        if not isinstance(text, _Text) or not isinstance(part, _Text):
            raise _fault(node, "it takes one text, and is asked of a text")
        whole, piece = text.of, part.of
        return _each(lambda scope: list(map(test, whole(scope), piece(scope))))

    return make


def _like(node: ast.Call, below: _Below) -> _Truth:
    """`like(meter, "roof-*")`: the whole text fits a pattern of *, ? and [...]."""
    found = [below(argument) for argument in node.args]
    if len(found) != 2 or not isinstance(found[0], _Text) or not isinstance(found[1], _Text):
        raise _fault(node, 'like takes a text and a pattern: like(meter, "roof-*")')
    text, pattern = found[0], found[1].constant
    if pattern is None:
        raise _fault(node, "the pattern of like is written out")
    fits = compile_pattern(translate(pattern)).match
    return _each(lambda scope: [fits(one) is not None for one in text.of(scope)])
