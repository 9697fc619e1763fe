import gzip
from pathlib import Path

import numpy as np
import pytest

from device_models.inference.spec import inference_statistics
from kernels.errors import InputError

WHOLE = """g_target_uS, mean_uS, std_uS, nu_mean, nu_std
0, 0.2, 0.1, 0.10, 0.02
10, 10.5, 1.0, 0.06, 0.01
20, 19.0, 0.5, 0.04, 0.00
"""
PROGRAMMING_ONLY = "g_target_uS,mean_uS,std_uS\n0,0,0.1\n25,25,1\n"


def _model(tmp_path, text, **parts):
    path = tmp_path / "measured.csv"
    path.write_text(text)
    return inference_statistics("pcm_nandakumar2019", table=path, **parts)


def test_statistics_are_interpolated_between_rows(tmp_path):
    state = _model(tmp_path, WHOLE).program(np.full(200_000, 15.0), seed=0)
    assert state.g_programmed_uS.mean() == pytest.approx(14.75, rel=0.002)
    assert state.g_programmed_uS.std() == pytest.approx(0.75, rel=0.01)
    assert state.nu.mean() == pytest.approx(0.05, rel=0.005)
    assert state.nu.std() == pytest.approx(0.005, rel=0.01)


def test_the_ends_of_the_table_are_inside(tmp_path):
    state = _model(tmp_path, WHOLE).program(np.array([0.0, 20.0]), seed=0)
    assert np.isfinite(state.g_programmed_uS).all()


def test_outside_the_table_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"g_target_uS.*0\.0 to 20\.0"):
        _model(tmp_path, WHOLE).program(np.array([20.5]), seed=0)


def test_without_exponents_the_preset_drifts(tmp_path):
    model = _model(tmp_path, PROGRAMMING_ONLY)
    assert model.programming.kind == "table"
    assert model.drift.kind == "conductance"


def test_with_exponents_alone_the_preset_is_programmed(tmp_path):
    text = "g_target_uS,nu_mean,nu_std\n0,0.1,0.02\n25,0.03,0.01\n"
    model = _model(tmp_path, text, programming={"scale": 2.0})
    assert model.programming.scale == 2.0
    assert model.drift.kind == "table"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("g_target_uS,mean_uS\n0,0\n1,1\n", "std_uS"),
        (WHOLE.replace("nu_std", "nu_sigma"), "nu_std"),
        ("g_target_uS,nu_mean\n0,0\n1,0\n", "nu_std"),
        ("g_target_uS,mean_uS,std_uS,colour\n0,0,0,1\n1,1,1,1\n", "colour"),
        ("g_target_uS,mean_uS,std_uS\n5,5,1\n0,0,1\n", "g_target_uS"),
        ("g_target_uS,mean_uS,std_uS\n0,0,1\n0,1,1\n", "g_target_uS"),
        ("g_target_uS,mean_uS,std_uS\n0,0,1\n", "g_target_uS"),
        ("g_target_uS,mean_uS,std_uS\n0,0,1\n1,1,-1\n", "std_uS"),
        ("g_target_uS,mean_uS,std_uS\n0,0,1\n1,one,1\n", "mean_uS"),
        ("g_target_uS,mean_uS,std_uS\n0,0,1\n1,,1\n", "mean_uS"),
        (WHOLE.replace("0.06", "1.06"), "nu_mean"),
        ("", "measured.csv"),
    ],
)
def test_bad_tables_are_named_by_file_and_column(tmp_path, text, named):
    with pytest.raises(InputError) as error:
        _model(tmp_path, text)
    assert named in str(error.value)
    assert "measured.csv" in str(error.value)


def test_a_table_and_another_source_of_the_same_are_an_error(tmp_path):
    with pytest.raises(InputError, match="programming and table"):
        _model(tmp_path, WHOLE, programming={})
    with pytest.raises(InputError, match="drift"):
        _model(tmp_path, WHOLE, drift={"kind": "projected"})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        inference_statistics("pcm_nandakumar2019", table=tmp_path / "nowhere.csv")


@pytest.mark.parametrize("packed", [False, True])
def test_the_content_of_what_is_no_table_is_in_no_message(tmp_path, packed):
    secret = "root:$6$salt$hash:19000:0:99999:7:::\nyou:$6$s,h,1,2\n"
    path = tmp_path / ("shadow.gz" if packed else "shadow")
    path.write_bytes(gzip.compress(secret.encode()) if packed else secret.encode())
    with pytest.raises(InputError, match=r"shadow.*expected a CSV with the columns") as raised:
        inference_statistics("pcm_nandakumar2019", table=path)
    assert "root:" not in str(raised.value)
    assert "salt" not in str(raised.value)


def test_a_file_without_end_is_no_table():
    with pytest.raises(InputError, match="/dev/zero: is larger than 1 MiB"):
        inference_statistics("pcm_nandakumar2019", table=Path("/dev/zero"))
