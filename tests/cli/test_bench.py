"""`headwater bench`: finds the benchmarks of a checkout."""

import pytest

from headwater.cli.bench import benchmarks, main, names_in
from headwater.model.errors import ConfigError


def test_it_lists_what_can_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert {"codec", "throughput"} <= set(names_in(benchmarks()))
    assert "  throughput\n" in listed


def test_an_unknown_benchmark_is_named() -> None:
    with pytest.raises(ConfigError, match=r'no benchmark "speed": there are .*throughput'):
        main(["speed"])


def test_it_passes_options_on_and_gives_the_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["throughput", "--only", "nothing is called so"]) == 2
    assert "there are: 2018, N=1, saturated, provenance off" in capfd.readouterr().err
