"""Packages of Debian as a test makes them: no tool of Debian is needed."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile


def sound(samples: np.ndarray, rate: int, *, form: str = "WAV") -> bytes:
    """Samples [T] as a file."""
    held = io.BytesIO()
    soundfile.write(held, samples, rate, format=form, subtype="VORBIS" if form == "OGG" else "PCM_16")
    return held.getvalue()


def packed(members: Mapping[str, bytes], *, packing: str = "xz") -> bytes:
    """A tar of files, whose paths begin with ./ as those of packages do, and of a link."""
    held = io.BytesIO()
    mode: Any = f"w:{packing}"
    with tarfile.open(fileobj=held, mode=mode) as tar:
        for path, data in members.items():
            member = tarfile.TarInfo(f"./{path}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("./usr/share/link.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return held.getvalue()


def archived(parts: Mapping[str, bytes]) -> bytes:
    """Parts as an archive of `ar`, padded to even lengths."""
    blocks = [b"!<arch>\n"]
    for name, data in parts.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
        blocks += [header.encode("ascii"), data, b"\n" * (len(data) % 2)]
    return b"".join(blocks)


def write_package(
    root: Path, name: str, members: Mapping[str, bytes], *, packing: str = "xz", version: str = "1.0-1"
) -> Path:
    """A package that holds `members` and says under which licence."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{name}_{version}_all.deb"
    licence = {f"usr/share/doc/{name}/copyright": b"Licence: as you like"}
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": packed({}), f"data.tar.{packing}/": b""}
    parts[f"data.tar.{packing}/"] = packed({**licence, **members}, packing=packing)
    path.write_bytes(archived(parts))
    return path
