from imc_grapes.report.analysis import analyse
from imc_grapes.report.markdown import markdown
from imc_grapes.report.statistics import method_results
from imc_grapes.store import read_sweep


def told(out):
    analysis = analyse(read_sweep(out))
    return markdown(analysis, method_results(analysis))


def test_a_row_per_method_with_the_best_in_bold(filled, four_methods):
    scores = {"SGD": 0.90, "GRAPES": 0.95, "momentum": 0.91, "Adam": 0.92}
    out = filled(
        four_methods + "seeds: 3\n",
        lambda t: scores[t.method] + 0.001 * t.config.seed,
        times_s=(),
        base="name: tiny\n",
    )
    lines = told(out).splitlines()
    heading, rule, *rows = [line for line in lines if line.startswith("|")]
    assert heading.startswith("| method | test accuracy (%) | against SGD | Hedges' g |")
    assert rule.count("---") == heading.count("|") - 1
    assert [row.split("|")[1].strip() for row in rows] == ["SGD", "**GRAPES**", "momentum", "Adam"]
    assert "95.1 ± 0.1" in rows[1]
    assert any(
        line.startswith("GRAPES gets 95.1 ± 0.1 % of the test images right") for line in lines
    )
    assert lines[-1] == "(mean ± standard deviation over 3 seeds.)"


def test_device_configs_have_tables_of_their_own(filled, four_methods):
    out = filled(four_methods + "grid: {data.batch_size: [16, 32]}\n", lambda t: 0.9, times_s=())
    text = told(out)
    assert "**batch_size 16**" in text
    assert text.count("| method |") == 2
