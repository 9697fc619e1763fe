import json
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import Field, TypeAdapter, ValidationError

from crossbar import PCMConfig
from device_models.parameters import Parameters
from device_models.presets import find_preset
from device_models.registry import NameIn, OneOf, Registry
from device_models.statistics.base import STATISTICS
from device_models.training import DEVICES, Linear, TrainingModel
from kernels.errors import InputError


class Shape(Parameters):
    """A shape."""

    kind: str = ""


@pytest.fixture
def shapes():
    registry: Registry[type[Shape]] = Registry("shape.kind", "crossbar.costs", Shape, "kind")
    registry._searched = True
    yield registry
    Registry.all.remove(registry)


def add_circle(shapes):
    @shapes.register("circle")
    class Circle(Shape):
        """Round."""

        radius: float = Field(1.0, gt=0.0)
        """Half of the width."""
        marks: tuple[int, ...] = ()

    return Circle


def test_what_is_registered_after_the_model_was_made_is_found(shapes):
    class Drawing(Parameters):
        shape: Annotated[Shape, OneOf(shapes)]

    circle = add_circle(shapes)
    text = '{"shape": {"kind": "circle", "radius": 2, "marks": [1, 2]}}'
    drawing = Drawing.model_validate_json(text, strict=True)
    assert drawing.shape == circle(radius=2.0, marks=(1, 2))
    assert drawing.model_dump() == {"shape": {"kind": "circle", "radius": 2.0, "marks": (1, 2)}}
    assert Drawing.model_validate_json(drawing.model_dump_json(), strict=True) == drawing
    assert Drawing.model_validate(drawing.model_dump()) == drawing
    assert Drawing(shape=drawing.shape) == drawing


@pytest.mark.parametrize(
    ("given", "kind", "location"),
    [
        ({"kind": "circle", "radius": "2"}, "float_type", ("shape", "radius")),
        ({"kind": "circle", "radius": -1}, "greater_than", ("shape", "radius")),
        ({"kind": "circle", "size": 1}, "extra_forbidden", ("shape", "size")),
        ({"kind": "circel"}, "union_tag_invalid", ("shape",)),
        ({"radius": 1}, "union_tag_not_found", ("shape",)),
        ({"kind": 3}, "union_tag_invalid", ("shape",)),
        (7, "model_attributes_type", ("shape",)),
    ],
)
def test_json_is_strict_and_errors_say_where(shapes, given, kind, location):
    class Drawing(Parameters):
        shape: Annotated[Shape, OneOf(shapes)]

    add_circle(shapes)
    with pytest.raises(ValidationError) as caught:
        Drawing.model_validate_json(json.dumps({"shape": given}), strict=True)
    (problem,) = caught.value.errors()
    assert (problem["type"], problem["loc"]) == (kind, location)


def test_a_missing_tag_means_the_default(shapes):
    circle = add_circle(shapes)
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[Shape, OneOf(shapes, default="circle")])
    assert adapter.validate_python({"radius": 3.0}) == circle(radius=3.0)


def test_the_schema_has_what_is_registered_when_it_is_made(shapes):
    class Drawing(Parameters):
        shape: Annotated[Shape, OneOf(shapes)]
        name: Annotated[str, NameIn(shapes)]

    assert Drawing.model_json_schema()["properties"]["shape"]["oneOf"] == []
    add_circle(shapes)
    schema = Drawing.model_json_schema()
    (circle,) = schema["properties"]["shape"]["oneOf"]
    assert schema["properties"]["name"]["enum"] == ["circle"]
    assert circle["properties"]["kind"]["const"] == "circle"
    assert circle["required"] == ["kind"]
    assert circle["properties"]["radius"]["description"] == "Half of the width."


def test_a_name_is_taken_once_and_both_places_are_named(shapes):
    add_circle(shapes)
    with pytest.raises(
        InputError, match=r"registered twice: by .*test_registry\.py:\d+, and by .*:\d+"
    ):
        add_circle(shapes)


@pytest.mark.parametrize("name", ["", "a.b", "a b", "../x", 3])
def test_impossible_names_are_refused(shapes, name):
    with pytest.raises(InputError, match="a name is made of"):
        shapes.register(name)(type("Odd", (Shape,), {}))


def test_what_is_no_subclass_is_refused(shapes):
    with pytest.raises(InputError, match=r"must be a subclass of .*Shape"):
        shapes.register("odd")(dict)


def test_unknown_names_are_answered_with_what_is_close(shapes):
    add_circle(shapes)
    with pytest.raises(
        InputError, match=r"shape\.kind: 'circel' is not one of 'circle'; did you mean circle\?"
    ):
        shapes["circel"]
    with pytest.raises(InputError, match="a config loads no code"):
        shapes["mylab.nets.Circle"]
    with pytest.raises(InputError, match="a file of your own registers needs --plugin FILE"):
        shapes["ellipse"]


def test_every_own_entry_is_found_and_described():
    assert set(DEVICES.names) == {"nandakumar2018", "exp_step", "linear"}
    assert set(STATISTICS.names) == {"pcm_nandakumar2019", "pcm_projected", "ideal"}
    for registry in Registry.all:
        for entry in registry:
            assert entry.description
            assert registry.is_own(entry.name)


@pytest.fixture
def staircase():
    """A device of one's own: parameters, two plain functions, nothing else."""

    @DEVICES.register("staircase")
    class Staircase(TrainingModel):
        """Steps that shrink with the room that is left."""

        g_max_uS: float = 20.0
        step_uS: float = 0.5
        noise: float = 0.0

        @staticmethod
        def set_pulse(g, state, i, constants, z):
            step = constants[1] * (1.0 - g[i] / constants[0])
            g[i] = min(max(g[i] + step * (1.0 + constants[2] * z), 0.0), constants[0])

        @staticmethod
        def reset_pulse(g, state, i, constants, z):
            g[i] = 0.0

    yield Staircase
    DEVICES.remove("staircase")


def test_a_device_of_ones_own_pulses_as_its_closed_form_says(staircase):
    model = staircase()
    assert model.constants().tolist() == [20.0, 0.5, 0.0]
    assert model.granularity_uS == 0.5
    devices = model.set_pulses(model.new_devices(3, seed=0), [0, 1, 40], seed=1)
    expected = 20.0 * (1.0 - (1.0 - 0.5 / 20.0) ** np.array([0, 1, 40]))
    assert np.allclose(devices.g_uS, expected, rtol=1e-5)
    assert PCMConfig(device={"model": "staircase", "step_uS": 0.2}).device == staircase(step_uS=0.2)
    assert find_preset("staircase").title == "Steps that shrink with the room that is left"


def test_a_device_whose_pulse_fails_is_refused_where_it_is_registered():
    class Broken(TrainingModel):
        """Broken."""

        g_max_uS: float = 1.0

        @staticmethod
        def set_pulse(g, state, i, constants, z):
            g[i] = constants[7]

        @staticmethod
        def reset_pulse(g, state, i, constants, z):
            g[i] = 0.0

    with pytest.raises(InputError, match=r"device\.model: 'broken' \(.*\): IndexError"):
        DEVICES.register("broken")(Broken)
    assert "broken" not in DEVICES


def test_a_pulse_that_numba_cannot_compile_is_refused_where_it_is_registered():
    class Python(TrainingModel):
        """Python that Numba does not know."""

        g_max_uS: float = 1.0

        @staticmethod
        def set_pulse(g, state, i, constants, z):
            g[i] = "0.5"

        @staticmethod
        def reset_pulse(g, state, i, constants, z):
            g[i] = 0.0

    with pytest.raises(InputError, match=r"'python' \(.*\): set_pulse: Numba cannot compile it: "):
        DEVICES.register("python")(Python)
    assert "python" not in DEVICES


def test_a_device_without_pulses_is_refused():
    class Still(TrainingModel):
        """Nothing happens."""

        g_max_uS: float = 1.0

    with pytest.raises(InputError, match=r"lacks set_pulse\(g, state, i, constants, z\)"):
        DEVICES.register("still")(Still)


@pytest.mark.parametrize(
    ("state", "set_to", "message"),
    [
        (np.ones((1, 3)), 0.5, r"fresh_state: must return float32 \[1, 3\].*got float64 \[1, 3\]"),
        (np.ones((3, 1), np.float32), 0.5, r"fresh_state: .*got float32 \[3, 1\]"),
        (None, 1.5, r"set_pulse: must keep conductances within 0 and the largest, 1 µS \(got 1.5"),
        (None, float("nan"), r"the first SET pulse after a RESET must raise the conductance"),
        (None, 0.0, r"the first SET pulse after a RESET must raise the conductance"),
    ],
)
def test_arrays_and_conductances_that_no_device_has_are_refused(state, set_to, message):
    class Odd(TrainingModel):
        """Odd."""

        g_max_uS: float = 1.0
        set_to_uS: float = set_to
        state_rows = ("a number",)

        def fresh_state(self, n_devices, seed):
            return np.ones((1, n_devices), np.float32) if state is None or n_devices != 3 else state

        @staticmethod
        def set_pulse(g, state, i, constants, z):
            g[i] = constants[1]

        @staticmethod
        def reset_pulse(g, state, i, constants, z):
            g[i] = 0.0

    with pytest.raises(InputError, match=rf"'odd' \(.*\): .*{message}"):
        DEVICES.register("odd")(Odd)
    assert "odd" not in DEVICES


def test_parameters_without_a_rise_are_refused(staircase):
    for step_uS in (0.0, -1.0):
        with pytest.raises(InputError, match="must raise the conductance"):
            staircase.of({"step_uS": step_uS})
    with pytest.raises(InputError, match=r"g_max_uS must be above 0 \(got -5\)"):
        staircase.of({"g_max_uS": -5.0})


def test_a_device_that_must_be_given_values_is_listed():
    @DEVICES.register("given")
    class Given(TrainingModel):
        """Has no defaults."""

        g_max_uS: float
        step_uS: float = 0.5

        @staticmethod
        def set_pulse(g, state, i, constants, z):
            g[i] = min(g[i] + constants[1], constants[0])

        @staticmethod
        def reset_pulse(g, state, i, constants, z):
            g[i] = 0.0

    try:
        found = {one.name: one.value for one in find_preset("given").parameters}
    finally:
        DEVICES.remove("given")
    assert found == {"g_max_uS": "required", "step_uS": 0.5}


def test_building_a_model_without_registering_it_needs_no_name():
    assert Linear().model == "linear"
