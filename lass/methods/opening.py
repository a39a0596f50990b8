"""A method by its job, whatever its family: what the scripts that separate, or time it, open."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from lass.methods.protocol import Given, Method, given_files
from lass.methods.settings import AnyJob
from lass.settings import Precision


def open_family(job: AnyJob, files: Mapping[str, Path], *, device: str | None) -> tuple[Method, Given]:
    """The method of `job`, and what it was given of `files` by name, on a device: auto, cpu or cuda.

    `device` is None for a method that runs no network. ValueError where a file is missing or does not fit, or
    there is no such device.
    """
    given = given_files(files)
    if device is not None:
        given = on_device(given, device, precision=job.precision)
    # By name, so that the fingerprint of one family does not cover the others.
    method: Method = import_module(f"lass.methods.{job.family}").open_method(job, given)
    return method, given


def on_device(given: Given, device: str, *, precision: Precision) -> Given:
    """The same with a device and the precision there; ValueError where there is no such device."""
    from lass.compute.devices import choose_device, choose_precision  # noqa: PLC0415 (as of `Given`)

    where = choose_device(device)
    return replace(given, device=where, precision=choose_precision(precision, where))
