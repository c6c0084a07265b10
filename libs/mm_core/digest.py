"""A digest of source code that changes with what the code does, not with how it is laid out or explained.

Covered is the syntax tree of every module, under the module's name: statements, constants, names, types, decorators,
messages of errors. Not covered are comments, docstrings, blank lines and line breaks, brackets and quotes that change
nothing. A renamed module or a function that moves to another one is another digest although it does the same.
"""

import ast
import hashlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from importlib.machinery import ModuleSpec


def sources_digest(*packages: str) -> str:
    """SHA-256, in hex, of the code of all modules of the packages and of what is below them."""
    sha = hashlib.sha256()
    for package in packages:
        for name, source in _sources(importlib.util.find_spec(package)):
            sha.update(f"{name}\n{code_text(source)}\n".encode())
    return sha.hexdigest()


def code_text(source: bytes) -> str:
    """The syntax tree of a module as one line, the same for sources that differ in comments and layout only.

    Written by us: the dumps of Python's own `ast` differ between its versions.
    """
    parts: list[str] = []
    _write(ast.parse(source), parts)
    return " ".join(parts)


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, ast.AST):
        parts.append(type(value).__name__)
        for name in value._fields:
            field = getattr(value, name, None)
            if field is not None and field != [] and name != "ctx":
                parts.append(name)
                _write(field, parts)
        parts.append(")")
    elif isinstance(value, list):
        for each in value:
            if not _is_docstring(each):
                _write(each, parts)
        parts.append("]")
    else:
        parts.append(repr(value))


def _is_docstring(node: object) -> bool:
    """Whether a statement is nothing but a text, wherever it is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _sources(spec: ModuleSpec | None) -> Iterator[tuple[str, bytes]]:
    """Yield (module name, source) of a module and everything below it, in name order."""
    if spec is None or spec.loader is None or spec.origin is None:
        return
    yield spec.name, spec.loader.get_data(spec.origin)  # type: ignore[attr-defined]  # every file loader has it
    for module in sorted(pkgutil.iter_modules(spec.submodule_search_locations or []), key=lambda m: m.name):
        found = module.module_finder.find_spec(module.name, None)
        for name, source in _sources(found):
            yield f"{spec.name}.{name}", source
