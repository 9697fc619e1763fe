import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossbar.costs import (
    Activity,
    ArrayLimits,
    FeedbackShape,
    LayerShape,
    Method,
    backpropagation_cost,
    constant,
    feedback_cost,
    layer_cost,
)

WHOLE = ArrayLimits()
HIDDEN = LayerShape("2", n_in=256, n_out=256)
OUTPUT = LayerShape("4", n_in=256, n_out=10)


def test_counts_by_hand():
    shapes = [FeedbackShape("2", 256, 256), FeedbackShape("4", 10, 256)]
    found = feedback_cost(shapes, 64, WHOLE, adc_bits=8)
    weights = 256 * 256 + 10 * 256
    assert found.weights == weights
    assert found.devices == 2 * weights
    assert found.operations.conversions == 64 * (256 + 256)
    assert found.operations.driven_rows == 64 * (256 + 10)
    assert found.operations.device_reads == 64 * 2 * weights
    assert found.operations.int32_adds == 0
    assert found.area_um2.typical == pytest.approx(
        2 * weights * constant("device_area_um2").typical
    )
    per_conversion = constant("column_conversion_pJ").typical
    assert found.energy_pJ.typical > 64 * 512 * per_conversion
    assert found.time_ns.typical == pytest.approx(64 * constant("array_read_ns").typical)
    pulses = (
        2 * weights * constant("reset_pulse_pJ").typical
        + weights * constant("set_pulse_pJ").typical
    )
    lines = 2 * 3 * weights * constant("line_charge_write_pJ").typical
    assert found.write_pJ.typical == pytest.approx(pulses + lines)


def test_sums_over_arrays_are_counted():
    shape = [FeedbackShape("2", 10, 7)]
    found = feedback_cost(shape, 3, ArrayLimits(rows=4, columns=5)).operations
    assert found.conversions == 3 * 3 * 7
    assert found.int32_adds == 3 * 2 * 7
    assert found.driven_rows == 3 * 2 * 10
    assert found.device_reads == 3 * 2 * 70


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(1, 9),
    st.integers(1, 8),
    st.integers(1, 99),
)
def test_feedback_alignment_reads_what_backpropagation_reads(n_in, n_out, positions, batch, rows):
    layer = LayerShape("1", n_in, n_out, positions)
    same = FeedbackShape("1", n_out, n_in, positions)
    through_weights = backpropagation_cost([layer], batch, ArrayLimits(rows, 17))
    through_feedback = feedback_cost([same], batch, ArrayLimits(17, rows))
    assert through_weights.operations == through_feedback.operations
    assert (through_weights.devices, through_weights.write_pJ.typical) == (0, 0.0)
    assert through_feedback.devices == 2 * n_in * n_out


def test_only_the_weights_share_a_synapse():
    seven = ArrayLimits(sharing=7)
    plain = backpropagation_cost([HIDDEN, OUTPUT], 4, WHOLE).operations.device_reads
    assert backpropagation_cost([HIDDEN, OUTPUT], 4, seven).operations.device_reads == 7 * plain
    shape = [FeedbackShape("2", 10, 7)]
    assert feedback_cost(shape, 4, seven) == feedback_cost(shape, 4, WHOLE)


def test_direct_feedback_is_cheaper_than_the_way_through_every_layer():
    """Both on 784-256-256-10."""
    direct = feedback_cost([FeedbackShape("2", 10, 256), FeedbackShape("4", 10, 256)], 64, WHOLE)
    plain = backpropagation_cost([HIDDEN, OUTPUT], 64, WHOLE)
    assert direct.energy_pJ.typical < plain.energy_pJ.typical
    assert direct.devices == 2 * 2 * 2560


def test_factors_of_inputs_cost_what_those_of_nodes_cost_on_the_turned_layer():
    """The readout, its registers and its time; the rest of the update lies the other way round."""
    layer, arrays = LayerShape("1", n_in=300, n_out=40), ArrayLimits(rows=128, columns=64)
    method = {
        "name": "grapes",
        "update": {"kind": "pulsed"},
        "readout": {"kind": "per_device", "adc_bits": 8},
    }
    of_inputs = Method.of({**method, "factors_of": "inputs"})
    activity = Activity(0.1, 0.0, 0.0)
    transposed = layer_cost(layer.transposed(), Method.of(method), 8, activity, arrays.transposed())
    found = layer_cost(layer, of_inputs, 8, activity, arrays)
    assert found.operations["readout"] == transposed.operations["readout"]
    of_nodes = layer_cost(layer, Method.of(method), 8, activity, arrays)
    more = found.bits.registers - of_nodes.bits.registers
    assert more == (300 - 40) * (8 + 16)
    # 40 instead of 128 rows are read one after the other, and 100 instead of 40 sums compared.
    assert found.time_ns.typical < of_nodes.time_ns.typical
