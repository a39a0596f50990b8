"""Seconds that are counted, and the device that they belong to."""

import time

import torch

from lass.compute.timing import describe_device, seconds_of


def test_seconds_of_work() -> None:
    done: list[int] = []
    cpu = torch.device("cpu")
    assert seconds_of(lambda: done.append(1), cpu) < 0.02
    assert done == [1]
    assert 0.02 <= seconds_of(lambda: time.sleep(0.02), cpu) < 1


def test_the_processor_comes_with_its_threads() -> None:
    assert describe_device(torch.device("cpu")) == f"CPU, {torch.get_num_threads()} threads"
