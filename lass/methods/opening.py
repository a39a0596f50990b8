"""A method by its job, whatever its family: what the scripts that separate, or time it, open."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from lass.compute.devices import choose_device, choose_precision
from lass.methods.protocol import Given, Method, given_files
from lass.methods.settings import AnyJob


def open_family(job: AnyJob, files: Mapping[str, Path], *, device: str) -> tuple[Method, Given]:
    """The method of `job`, and what it was given of `files` by name, on a device: auto, cpu or cuda.

    ValueError where a file is missing or does not fit, or there is no such device.
    """
    where = choose_device(device)
    given = given_files(files, device=where, precision=choose_precision(job.precision, where))
    # By name, so that the fingerprint of one family does not cover the others.
    method: Method = import_module(f"lass.methods.{job.family}").open_method(job, given)
    return method, given
