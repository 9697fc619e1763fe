"""Circuits that read the importance of a layer's nodes from its crossbars; one circuit per file."""

from typing import Annotated

from crossbar.readout.base import READOUTS, Readout
from crossbar.readout.column_current import ColumnCurrent
from crossbar.readout.per_device import PerDevice
from crossbar.readout.probe import Probe
from device_models.registry import OneOf

ReadoutSpec = Annotated[Readout, OneOf(READOUTS)]
"""A mapping with the key `kind` parses into the readout of that name."""

__all__ = ["READOUTS", "ColumnCurrent", "PerDevice", "Probe", "Readout", "ReadoutSpec"]
