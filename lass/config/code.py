"""What the text of a Python module says: what it imports, and a hash of its code without its words."""

import ast
import hashlib
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class ModuleCode:
    """The code of one module."""

    imports: frozenset[str]  # modules, and whatever is imported from them as `module.name`
    digest: str  # hash of the syntax tree without words: comments, docstrings, what keys of settings mean


@cache
def read_code(text: str) -> ModuleCode:
    """The code in the text of a module; SyntaxError where it is none.

    It depends on the text alone, so that a process that plans several runs reads an unchanged module once.
    """
    tree = ast.parse(text)
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            imports |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        _drop_words(node)
    return ModuleCode(frozenset(imports), hashlib.sha256(ast.dump(tree).encode()).hexdigest())


def _drop_words(node: ast.AST) -> None:
    """Leave out docstrings, strings behind attributes, and what a key of settings means."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "key":
        node.args = []
    body = getattr(node, "body", None)
    if isinstance(body, list):
        kept = [
            line for line in body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        ]
        node.body = kept  # type: ignore[attr-defined]
