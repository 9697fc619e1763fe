"""``--device`` and ``--threads``, for every command that trains or evaluates."""

from enum import StrEnum
from typing import Annotated

import typer


class DeviceChoice(StrEnum):
    """That torch computes on."""

    cpu = "cpu"
    cuda = "cuda"


Device = Annotated[
    DeviceChoice, typer.Option(help="Where torch computes; hardware trained in place: cpu only.")
]
Threads = Annotated[
    int,
    typer.Option(min=1, help="Threads of a run; the same number gives the same bytes again."),
]
