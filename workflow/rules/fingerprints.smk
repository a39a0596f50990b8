"""Fingerprints of library code: an edit of `lass/` reruns the rules that use what was edited, and only those."""

import ast
import hashlib
from functools import cache


def imported_modules(tree):
    """Files of those modules of lass that a syntax tree imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = [REPOSITORY / f"{name.replace('.', '/')}.py" for name in names if name.startswith("lass.")]
    return sorted(path for path in files if path.is_file())


@cache
def source_digest(path):
    """Hash of a module's syntax tree without docstrings, and of every module of lass that it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = imported_modules(tree)
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            node.body = [
                line
                for line in node.body
                if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
            ]
    parts = [ast.dump(tree), *(source_digest(module) for module in modules)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def code(script):
    """Fingerprint of the library code that a script runs: an edit reruns the script's rule, a comment does not."""
    return source_digest(REPOSITORY / "workflow" / "scripts" / f"{script}.py")
