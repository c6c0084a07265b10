"""Small changes of a module that its tests ought to notice, one at a time."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Change = tuple[ast.AST, str, Any]  # a node, the name of a field of it, and what to put there

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
SWAPS: dict[type[ast.AST], type[ast.AST]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.And: ast.Or, ast.Or: ast.And}
NAMES = {"min": "max", "max": "min"}
NOT_CODE = ("annotation", "returns", "decorator_list", "args", "type_params")  # of a function or an assignment


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, the smallest piece of code that shows it, and the source of the whole module with it."""

    line: int
    before: str
    after: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """All mutants of the functions of a module, in the order of its text; docstrings and annotations have none."""
    tree = ast.parse(source)
    for node, name, value in list(_changes(tree)):
        before, old = ast.unparse(node), getattr(node, name)
        setattr(node, name, value)
        yield Mutant(_line(node, old, value), *_shown(before, ast.unparse(node)), ast.unparse(tree))
        setattr(node, name, old)


def _changes(tree: ast.Module) -> Iterator[Change]:
    """Changes of the bodies of functions; a function inside another is part of it."""
    for node in tree.body:
        functions = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in functions:
            if isinstance(function, ast.FunctionDef):
                yield from _inside(function)


def _inside(node: ast.AST) -> Iterator[Change]:
    yield from _of_node(node)
    is_function = isinstance(node, ast.FunctionDef)
    for name, value in ast.iter_fields(node):
        if (is_function or isinstance(node, ast.AnnAssign)) and name in NOT_CODE:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _inside(child)


def _of_node(node: ast.AST) -> Iterator[Change]:
    """Changes of one node, not of what is below it."""
    yield from _of_operator(node)
    yield from _of_value(node)
    yield from _without_a_statement(node)


def _of_operator(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare():
            for i, op in enumerate(node.ops):
                yield node, "ops", [*node.ops[:i], COMPARISONS[type(op)](), *node.ops[i + 1 :]]
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            if type(node.op) in SWAPS:
                yield node, "op", SWAPS[type(node.op)]()
        case ast.UnaryOp(op=ast.USub()):
            yield node, "op", ast.UAdd()
        case ast.UnaryOp(op=ast.Not()):
            yield node, "operand", ast.UnaryOp(ast.Not(), node.operand)


def _of_value(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Constant():
            if isinstance(node.value, bool | int) or node.value in (0.0, 1.0):
                yield node, "value", _other(node.value)
        case ast.Name():
            if node.id in NAMES:
                yield node, "id", NAMES[node.id]


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return type(value)(0) if value == 1 else value + 1


def _without_a_statement(node: ast.AST) -> Iterator[Change]:
    """Each statement that leaves an effect, dropped; without a name that it binds, its function would only crash."""
    for name in ("body", "orelse"):
        body = getattr(node, name, None)
        if not isinstance(body, list):
            continue
        for i, statement in enumerate(body):
            if _has_effect(statement):
                yield node, name, [*body[:i], ast.copy_location(ast.Pass(), statement), *body[i + 1 :]]


def _has_effect(statement: ast.AST) -> bool:
    match statement:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Continue() | ast.Break() | ast.Return(value=None):
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return True
    return False


def _line(node: ast.AST, old: Any, value: Any) -> int:
    """Where the change is: a dropped statement's own line."""
    if isinstance(old, list):
        for before, after in zip(old, value, strict=True):
            if before is not after and isinstance(before, ast.stmt):
                return before.lineno
    return int(getattr(node, "lineno", 0))


def _shown(before: str, after: str) -> tuple[str, str]:
    """The lines that differ; of a dropped statement its text and `pass`."""
    pairs = [
        (old.strip(), new.strip())
        for old, new in zip(before.splitlines(), after.splitlines(), strict=False)
        if old != new
    ]
    return pairs[0] if pairs else (before, after)
