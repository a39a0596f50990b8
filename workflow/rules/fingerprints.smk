"""Fingerprints of library code: an edit of `lass/` reruns the rules that use what was edited, and only those."""

import hashlib
from functools import cache

from lass.config import read_code


@cache
def files_of_module(name):
    """The files that importing a module of lass runs: its own, and the `__init__.py` of every package above it."""
    parts = name.split(".")
    paths = [REPOSITORY.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    paths.append(REPOSITORY.joinpath(*parts).with_suffix(".py"))
    return [path for path in paths if path.is_file()]


@cache
def code_of_file(path):
    """What a file imports, and a hash of its code without words."""
    return read_code(path.read_text(encoding="utf-8"))


@cache
def imported_files(path):
    """Files of those modules of lass that a file imports."""
    names = code_of_file(path).imports
    modules = [name for name in names if name == "lass" or name.startswith("lass.")]
    return sorted({path for name in modules for path in files_of_module(name)})


@cache
def code_behind(path):
    """The file and every file of lass that it imports, directly or not."""
    reached, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in reached:
            reached.add(file)
            waiting += imported_files(file)
    return sorted(reached)


def files_beside(paths):
    """Templates, style sheets and scripts in the packages of these files: they are code, too."""
    folders = {path.parent for path in paths}
    return {
        path for folder in folders for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")
    }


def digest_of(path):
    """Hash of a file's code without words; of what is not Python, of its bytes."""
    return (
        code_of_file(path).digest if path.suffix == ".py" else hashlib.sha256(path.read_bytes()).hexdigest()
    )


@cache
def code(script, *modules):
    """Fingerprint of the code that a script runs, and of modules that it imports by name."""
    files = {*code_behind(REPOSITORY / "workflow" / "scripts" / f"{script}.py")}
    for module in modules:
        files |= {path for file in files_of_module(module) for path in code_behind(file)}
    files |= files_beside(files)
    names = sorted((str(path.relative_to(REPOSITORY)), digest_of(path)) for path in files)
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


def code_of_method(script):
    """A parameter: fingerprint of a script, and of the family of one method and no other."""
    return lambda wildcards: code(script, f"lass.methods.{dataset_of(wildcards).family[wildcards.method]}")


def code_of_reader(script):
    """A parameter: fingerprint of a script, and of what reads the data set's folder."""
    return lambda wildcards: code(script, dataset_of(wildcards).reader)
