"""Which circuits carry out the update that a configuration asks for."""

from crossbar.column_transfer import ReadColumns
from crossbar.pair_array import PairArray
from crossbar.specs import AccumulatedSpec, TikiTakaSpec, TTv2Spec, UpdateSpec
from crossbar.tiki_taka import TikiTaka
from crossbar.ttv2 import TTv2
from crossbar.update_periphery import Accumulated, UpdatePeriphery, gradient_pulses
from crossbar.weight_copy import WeightCopy


def circuits_for(
    spec: UpdateSpec, devices: PairArray, read_columns: ReadColumns, copy: WeightCopy | None = None
) -> UpdatePeriphery:
    """The circuits that a spec describes, at these devices; `copy` is told of every pulse."""
    if isinstance(spec, AccumulatedSpec):
        return Accumulated(spec, devices, copy)
    if isinstance(spec, TikiTakaSpec):
        return TikiTaka(spec, devices, read_columns)
    if isinstance(spec, TTv2Spec):
        return TTv2(spec, devices, read_columns)
    return gradient_pulses(spec, devices, copy)
