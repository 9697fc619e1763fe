"""Circuits that read the importance of a layer's nodes from its crossbars; one circuit per file."""

from typing import Annotated

from pydantic import Field

from crossbar.readout.base import Readout
from crossbar.readout.column_current import ColumnCurrent
from crossbar.readout.per_device import PerDevice
from crossbar.readout.probe import Probe

ReadoutSpec = Annotated[PerDevice | ColumnCurrent | Probe, Field(discriminator="kind")]
"""A mapping with the key `kind` parses into the readout of that name."""

__all__ = ["ColumnCurrent", "PerDevice", "Probe", "Readout", "ReadoutSpec"]
