"""What one training step does in a layer, counted by circuit; the prices come after."""

from dataclasses import dataclass, fields

from crossbar.costs.activity import Activity
from crossbar.costs.layer_shape import LayerShape
from crossbar.costs.method import FLOAT_BITS, Method
from crossbar.costs.state import GRADIENT_BITS, IMPORTANCE_BITS
from crossbar.specs import TransferSpec

ADC_BITS_OF_EXACT = 8
"""A read without a converter has no price of its own; it is priced like one of so many bits."""

SHARED_PARTS = ("forward reads", "backward reads", "gradient")
"""What every rule pays for a step alike; all other parts are what a rule adds."""

_MULTIPLIER_BITS = 8


@dataclass(frozen=True)
class Operations:
    """Counts of one update; fractions where something happens only once in several updates.

    Attributes:
        conversions: of a column's current, `adc_bits` each.
        adc_bits: ADC resolution of those conversions.
        driven_rows: rows brought to the read voltage.
        device_reads: devices that carry current meanwhile.
        state_bits_read: from the memory of chi and the optimizer.
        state_bits_written: to them.
        state_bits_per_tile: size of that memory beside one array.
        operand_bits: of inputs and errors, from the buffer that holds a mini-batch; as many were written there.
        register_bits: read or written in registers.
        int8_multiplies: in the gradient, the modulation and the rounding; those of b-bit operands count as (b / 8)^2 of
            them, as the cells of an array multiplier do.
        int32_adds: in the gradient, in sums over tiles, in chi.
        fp32_multiplies: of the optimizer, of scales, and of a gradient of floating-point operands.
        fp32_adds: of the optimizer, and of such a gradient.
        fp32_divisions: and roots, of the optimizer and of the factors.
        stochastic_bits: drawn for the rounding or for pulse trains, and comparisons with a level.
        lfsr_steps: of the generators behind them.
        pulse_lines: lines charged to the write voltage.
        set_pulses: on devices.
        reset_pulses: on devices.
    """

    conversions: float = 0.0
    adc_bits: int = ADC_BITS_OF_EXACT
    driven_rows: float = 0.0
    device_reads: float = 0.0
    state_bits_read: float = 0.0
    state_bits_written: float = 0.0
    state_bits_per_tile: float = 0.0
    operand_bits: float = 0.0
    register_bits: float = 0.0
    int8_multiplies: float = 0.0
    int32_adds: float = 0.0
    fp32_multiplies: float = 0.0
    fp32_adds: float = 0.0
    fp32_divisions: float = 0.0
    stochastic_bits: float = 0.0
    lfsr_steps: float = 0.0
    pulse_lines: float = 0.0
    set_pulses: float = 0.0
    reset_pulses: float = 0.0


@dataclass(frozen=True)
class ArrayLimits:
    """The largest array there is, and the devices at one crosspoint.

    Attributes:
        rows: None for as many as the layer has.
        columns: None for as many as the layer has.
        sharing: K, devices per polarity.
        adc_bits: of the products of the step, forward and backward.
    """

    rows: int | None = None
    columns: int | None = None
    sharing: int = 1
    adc_bits: int = ADC_BITS_OF_EXACT

    def transposed(self) -> "ArrayLimits":
        """As they are seen by who drives columns and reads rows."""
        return ArrayLimits(self.columns, self.rows, self.sharing, self.adc_bits)


def layer_operations(
    layer: LayerShape, method: Method, batch: int, activity: Activity, arrays: ArrayLimits
) -> dict[str, Operations]:
    """The operations of one training step, by part of the circuit.

    Args:
        layer: shape.
        method: rule and circuits.
        batch: samples of a mini-batch.
        activity: pulses and refreshes per weight.
        arrays: sizes.

    Returns:
        `SHARED_PARTS`, and what the method adds: *gradient again* (where it is formed more than once), *readout*,
        *chi*, *optimizer*, *pulse generation*, *device pulses*, *transfer*, *forward reads of A* and *backward reads of
        A* (where products see a second array), *refresh*. Parts that a layer or a method does not have are missing.
    """
    vectors = batch * layer.positions
    parts = {"forward reads": product_operations(layer, vectors, arrays)}
    if layer.sends_error:
        parts["backward reads"] = product_operations(
            layer.transposed(), vectors, arrays.transposed()
        )
    if not method.is_per_sample:
        gradient = parts["gradient"] = _gradient(layer, method, vectors, arrays)
        if method.rule.passes() > 1:
            parts["gradient again"] = _times(method.rule.passes() - 1, gradient)
    if method.readout is not None and layer.modulated:
        seen = (layer, arrays)
        if method.factors_of == "inputs":
            seen = (layer.transposed(), arrays.transposed())
        parts["readout"] = _readout(seen[0], method, vectors, seen[1])
    if method.accumulator_bits:
        parts["chi"] = _matrix_access(layer, method, method.accumulator_bits, arrays)
    if method.computes:
        parts["optimizer"] = _optimizer(layer, method, arrays)
    parts["pulse generation"] = _pulse_generation(layer, method, vectors, activity, arrays)
    parts["device pulses"] = Operations(set_pulses=activity.pulses * layer.weights)
    if method.transfer is not None:
        parts["transfer"] = _transfer(layer, method, method.transfer, arrays)
        if method.transfer.gamma > 0.0:
            for part in ("forward reads", "backward reads"):
                if part in parts:
                    parts[f"{part} of A"] = parts[part]
    every = method.update.refresh.every_updates
    if every is not None:
        parts["refresh"] = _refresh(layer, activity, every / method.arrays, arrays)
    return parts


def product_operations(layer: LayerShape, vectors: int, arrays: ArrayLimits) -> Operations:
    """The analog products of so many vectors with the weights of a layer, each a single read of every array.

    Args:
        layer: whose rows are driven and whose columns are read; transposed for an error on its way back.
        vectors: inputs of one mini-batch.
        arrays: sizes; transposed as the layer is.
    """
    tiles = list(layer.tiles(arrays.rows, arrays.columns))
    conversions = vectors * sum(tile.columns for tile in tiles)
    return Operations(
        conversions=conversions,
        adc_bits=arrays.adc_bits,
        driven_rows=vectors * sum(tile.rows for tile in tiles),
        device_reads=2.0 * arrays.sharing * vectors * layer.weights,
        # What several arrays add to one number is summed behind their converters.
        int32_adds=conversions - vectors * layer.n_out,
    )


def _readout(layer: LayerShape, method: Method, vectors: int, arrays: ArrayLimits) -> Operations:
    readout = method.readout
    assert readout is not None
    share = 1.0 / readout.refresh_every
    conversions = rows = devices = 0
    for tile in layer.tiles(arrays.rows, arrays.columns):
        driven = readout.driven_rows(tile.rows)
        conversions += readout.reads(tile.rows) * tile.columns
        rows += driven
        devices += driven * tile.columns * readout.devices_per_pair * arrays.sharing
    word = readout.sum_bits or IMPORTANCE_BITS
    modulated = vectors * layer.n_out
    in_float = method.operand_bits is None
    return Operations(
        conversions=share * conversions,
        adc_bits=readout.adc_bits or ADC_BITS_OF_EXACT,
        driven_rows=share * rows,
        device_reads=share * devices,
        # One sum per conversion, one comparison and one product with 1 / max per node; then the error is modulated.
        int32_adds=share * (conversions + layer.n_out),
        int8_multiplies=share * layer.n_out + (0 if in_float else modulated),
        fp32_multiplies=modulated if in_float else 0,
        fp32_divisions=share,
        register_bits=share * 2 * word * conversions
        + method.factor_bits * layer.n_out * (share + vectors),
    )


def _gradient(layer: LayerShape, method: Method, vectors: int, arrays: ArrayLimits) -> Operations:
    tiles = list(layer.tiles(arrays.rows, arrays.columns))
    products = layer.weights * vectors
    word = method.operand_bits or FLOAT_BITS
    # Operands pass from unit to unit in registers; the buffer is read once per tile.
    registers = products * 2 * word + layer.weights * GRADIENT_BITS
    buffered = word * vectors * sum(tile.rows + tile.columns for tile in tiles)
    if method.operand_bits is None:
        return Operations(
            fp32_multiplies=products,
            fp32_adds=products,
            register_bits=registers,
            operand_bits=buffered,
        )
    return Operations(
        int8_multiplies=products * (word / _MULTIPLIER_BITS) ** 2,
        int32_adds=products,
        # The share of each sample in the common scale, see `crossbar.operands`.
        fp32_multiplies=vectors * layer.n_out,
        register_bits=registers,
        operand_bits=buffered,
    )


def _times(count: int, counted: Operations) -> Operations:
    sizes = ("adc_bits", "state_bits_per_tile")
    values = {one.name: getattr(counted, one.name) for one in fields(counted)}
    return Operations(
        **{name: value if name in sizes else count * value for name, value in values.items()}
    )


def _largest_tile_bits(layer: LayerShape, method: Method, arrays: ArrayLimits) -> float:
    return max(
        tile.rows * tile.columns * (method.accumulator_bits + method.buffer_bits)
        + method.state_bits(tile)
        for tile in layer.tiles(arrays.rows, arrays.columns)
    )


def _matrix_access(
    layer: LayerShape, method: Method, word_bits: int, arrays: ArrayLimits
) -> Operations:
    return Operations(
        state_bits_read=layer.weights * word_bits,
        state_bits_written=layer.weights * word_bits,
        state_bits_per_tile=_largest_tile_bits(layer, method, arrays),
        int32_adds=layer.weights,
    )


def _optimizer(layer: LayerShape, method: Method, arrays: ArrayLimits) -> Operations:
    multiplies, adds, divisions = method.rule.per_weight()
    bits = sum(method.state_bits(tile) for tile in layer.tiles(arrays.rows, arrays.columns))
    return Operations(
        state_bits_read=bits,
        state_bits_written=bits,
        state_bits_per_tile=_largest_tile_bits(layer, method, arrays),
        fp32_multiplies=layer.weights * multiplies,
        fp32_adds=layer.weights * adds,
        fp32_divisions=layer.weights * divisions,
    )


def _pulse_generation(
    layer: LayerShape, method: Method, vectors: int, activity: Activity, arrays: ArrayLimits
) -> Operations:
    pulses = activity.pulses * layer.weights
    if method.train_length is None:
        # The update is scaled and rounded by one random bit per weight; a pulse takes a row and a column.
        return Operations(
            int8_multiplies=0 if method.operand_bits is None else layer.weights,
            fp32_multiplies=layer.weights if method.operand_bits is None else 0,
            stochastic_bits=layer.weights,
            lfsr_steps=sum(t.rows for t in layer.tiles(arrays.rows, arrays.columns)),
            pulse_lines=2.0 * pulses,
        )
    slots = vectors * method.train_length
    tiles = list(layer.tiles(arrays.rows, arrays.columns))
    return Operations(
        stochastic_bits=slots * sum(tile.rows + tile.columns for tile in tiles),
        lfsr_steps=2.0 * slots * len(tiles),
        # Most slots of a train are empty; a line that carries a pulse is charged once, whatever it meets.
        pulse_lines=2.0 * pulses,
    )


def _transfer(
    layer: LayerShape, method: Method, transfer: TransferSpec, arrays: ArrayLimits
) -> Operations:
    """Columns of the second array through the converters, and what becomes of each number that was read."""
    share = 1.0 / transfer.transfer_every
    rows = numbers = 0.0
    for tile in layer.tiles(arrays.rows, arrays.columns):
        reads = share * min(transfer.n_reads_per_transfer, tile.rows)
        rows += reads
        numbers += reads * tile.columns
    return Operations(
        conversions=numbers,
        adc_bits=arrays.adc_bits,
        driven_rows=rows,
        device_reads=2.0 * arrays.sharing * numbers,
        fp32_multiplies=numbers,
        # A number is rounded stochastically, or added to H and compared with what fills it.
        stochastic_bits=numbers,
        lfsr_steps=0.0 if method.buffer_bits else rows,
        fp32_adds=numbers if method.buffer_bits else 0.0,
        state_bits_read=method.buffer_bits * numbers,
        state_bits_written=method.buffer_bits * numbers,
        state_bits_per_tile=_largest_tile_bits(layer, method, arrays),
    )


def _refresh(
    layer: LayerShape, activity: Activity, every: float, arrays: ArrayLimits
) -> Operations:
    checked = 2.0 * layer.weights / every
    rows = sum(t.rows for t in layer.tiles(arrays.rows, arrays.columns)) / every
    refreshed = activity.refreshes * layer.weights
    rewritten = activity.refresh_pulses * layer.weights
    return Operations(
        driven_rows=rows,
        device_reads=checked * arrays.sharing,
        stochastic_bits=checked * arrays.sharing,
        reset_pulses=2.0 * refreshed,
        set_pulses=rewritten,
        pulse_lines=2.0 * (2.0 * refreshed + rewritten),
    )
