"""The entry point: every command is listed, every error is one sentence and an exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from headwater import __version__
from headwater.cli.main import COMMANDS, exit_code_of, main, sentence_of
from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Rejected, Unavailable

GOLDEN = Path(__file__).resolve().parents[1] / "golden/cli"
LIGHT = ("gateway", "agent", "emulate", "idprovider")
TYPED = ("up", "server", "status", "trace")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_every_command_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for command in COMMANDS:
        if command.name in (*LIGHT, *TYPED):
            assert f"  {command.name:<11}{command.sentence}\n" in listed


def test_no_command_is_a_question_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: headwater COMMAND")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"headwater {__version__}\n"


def test_an_unknown_command_is_named_with_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gatway"]) == 2
    assert capsys.readouterr().err == 'headwater: no command "gatway"; did you mean "gateway"?\n'


@pytest.mark.parametrize("name", [*LIGHT, *TYPED])
def test_the_help_of_a_command_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert "xample" in said
    assert f"\n  headwater {name} " in said.replace("\n      headwater", "\n  headwater")


@pytest.mark.parametrize("name", [*LIGHT, *TYPED])
def test_an_unknown_option_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = {"up": ["T.toml"], "trace": ["0" * 20]}.get(name, [])
    assert main([name, *arguments, "--nonsense"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("headwater: ")
    assert "--nonsense" in said.err
    assert said.err.endswith(f"; headwater {name} --help shows what there is\n")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("name", LIGHT)
def test_the_help_of_a_light_command_reads_as_agreed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out == (GOLDEN / f"{name}-help.txt").read_text()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (NotFound("x"), 3),
        (Unavailable("x"), 4),
        (Rejected("reason", "x"), 1),
        (HeadwaterError("x"), 1),
        (OSError("x"), 1),
        (RuntimeError("x"), 1),
    ],
)
def test_an_exit_code_says_what_to_do(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


def test_a_sentence_is_one_line() -> None:
    assert sentence_of(ConfigError("a\n  b")) == "a b"
    assert sentence_of(FileNotFoundError(2, "No such file", "x.toml")) == "x.toml: No such file"
    assert sentence_of(ValueError("odd")).startswith("internal error, ValueError: odd")


@pytest.mark.parametrize("name", TYPED)
def test_a_typed_command_without_typer_says_what_to_install(name: str) -> None:
    code = f"import sys; sys.modules['typer'] = None; from headwater.cli.main import main; sys.exit(main(['{name}']))"
    done = run_python(code)
    assert done.returncode == 2
    assert done.stderr == (
        f'headwater: "{name}" needs typer: install headwater[server], as in pip install "headwater[server]"\n'
    )


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_command_needs_neither_typer_nor_rich(name: str) -> None:
    given, told = ["--config", "none.toml"], "none.toml: cannot be read: No such file or directory"
    if name == "idprovider":
        given, told = ["--start_id", "x"], "x is no start id: 1 to 19 digits are needed"
    code = (
        "import sys\nfor heavy in ('typer', 'rich', 'fastapi', 'pydantic', 'pyarrow'): sys.modules[heavy] = None\n"
        f"from headwater.cli.main import main\nsys.exit(main({[name, *given]!r}))"
    )
    done = run_python(code)
    assert (done.returncode, done.stderr) == (2, f"headwater: {told}\n")


def test_an_interrupt_is_no_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("headwater.cli.gateway.main", interrupted)
    assert main(["gateway"]) == 130
    assert capsys.readouterr().err == ""


def test_whoever_closes_the_output_gets_no_complaint() -> None:
    script = f"{sys.executable} -m headwater.cli.main --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
