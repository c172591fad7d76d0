"""What a config may say, in a file and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import ModelConfig, RunConfig, read_config, read_config_file
from distilabel_selfinstruct.runs.inputs import Input
from distilabel_selfinstruct.runs.options import MODEL, option
from distilabel_selfinstruct.runs.run import Run


def read(
    given: dict[str, Any], of_file: dict[str, Any] | None = None, file: str = "my.yaml",
    kind: type[ModelConfig] = SelfInstructConfig,
) -> Any:  # fmt: skip
    return read_config(given, of_file, file, kind)


class TestConfig:
    def test_defaults(self, seed_file: str) -> None:
        config = read({})
        assert (config.llm, config.wording, config.num_instructions) == ("demo", "chat", 100)
        assert [str(Path(path).resolve()) for path in config.seeds] == [seed_file]

    def test_options_win_over_the_file(self) -> None:
        config = read({"seed": 7}, {"seed": 1, "preset": "paper"})
        assert (config.seed, config.preset) == (7, "paper")

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"num_instructions": 0}, "--num-instructions: Input should be greater than 0, got 0."),
            ({"temperature": -1.0}, "--temperature: Input should be greater than or equal to 0, got -1.0."),
            ({"preset": "papr"},
             "There is no preset 'papr' (did you mean paper?); choose one of: default, paper, alpaca."),
            ({"preset": "mine"}, "There is no preset 'mine'; choose one of: default, paper, alpaca."),
            ({"llm": "openai"}, "--llm openai needs --model, the name of the model."),
            ({"llm": "vllm"}, "--llm vllm needs --model, the name of the model."),
            ({"max_cost": 2.0}, "--max-cost needs --input-price and --output-price, money per million tokens."),
            ({"judge_threshold": 6.0}, "--judge-threshold: a judge gives at most 5 points, got 6."),
            ({"judge_model": "gpt"}, "--judge-model: nothing is judged without --judge-threshold."),
            ({"judge_agreement": "runs/a"}, "--judge-agreement: nothing is judged without --judge-threshold."),
            ({"judge_threshold": 3.0, "wording": "base"},
             "A judge answers messages, and a base model continues texts: give --judge-model."),
            ({"judge_threshold": 3.0, "judge_model": "gpt"},
             "--judge-model needs --judge-base-url, the endpoint that offers the judge."),
            ({"judge_threshold": 3.0, "judge_base_url": "http://127.0.0.1:1/v1"},
             "--judge-base-url needs --judge-model, the name of the judge."),
        ],
    )  # fmt: skip
    def test_bad_options(self, values: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError) as caught:
            read(values)
        assert str(caught.value) == said

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("num_instructions: many", "num_instructions: Input should be a valid integer, unable to parse string as an"
             " integer, got 'many'."),
            ("wording: loud", "wording: Input should be 'base', 'chat' or 'structured', got 'loud'."),
            ("llm: gpt", "llm: expected demo, local, openai, litellm, vllm, or a `class` with its `arguments`."),
            ("llm: {klass: a.B}",
             "llm: expected demo, local, openai, litellm, vllm, or a `class` with its `arguments`."),
            ("training_format: mesages", "training_format: Input should be 'messages', 'alpaca' or 'prompt_completion',"
             " got 'mesages' (did you mean messages?)."),
            ("concurency: 3", "there is no option 'concurency' (did you mean concurrency?); there are: "
             f"{', '.join(SelfInstructConfig.model_fields)}."),
            ("num-instruction: 3", "there is no option 'num_instruction' (did you mean num_instructions?); "),
            ("5: 3", "there is no option '5'; there are: "),
            ("- 1", "expected options as `name: value`, found something else."),
            ("", "expected options as `name: value`, found something else."),
            ("temperature: .inf", "temperature: Input should be a finite number, got inf."),
            ("temperature: .nan", "temperature: Input should be a finite number, got nan."),
            ("a: &a [*a]", "is not YAML: maximum recursion depth exceeded"),
            ("a: [1", "is not YAML: while parsing a flow sequence"),
        ],
    )  # fmt: skip
    def test_bad_files(self, tmp_path: Path, text: str, said: str) -> None:
        file = tmp_path / "my.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            read({}, read_config_file(str(file)), str(file))
        assert str(caught.value).startswith(f"{file}: {said}")
        assert "\n" not in str(caught.value)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"no\.yaml: cannot be read \(No such file or directory\)\.$"):
            read_config_file(str(tmp_path / "no.yaml"))

    def test_names_may_be_written_as_on_the_command_line(self, tmp_path: Path) -> None:
        (tmp_path / "my.yaml").write_text("num-instructions: 7\nbase-url: http://127.0.0.1:8000/v1\nseeds: one.jsonl\n")
        config = read({}, read_config_file(str(tmp_path / "my.yaml")))
        assert (config.num_instructions, config.base_url) == (7, "http://127.0.0.1:8000/v1")
        assert config.seeds == ["one.jsonl"]

    def test_the_config_of_a_run_folder_is_a_config_file(self, tmp_path: Path) -> None:
        recorded = {"recipe": "self-instruct", "prompts_version": 1, "package_version": "0.1.0"}
        inputs = {"seed_tasks": Input(["a"]).name, "rhymes": Input(["b", "c"]).name}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"num_instructions": 7} | recorded | inputs))
        assert read_config_file(str(tmp_path / "config.yaml")) == {"num_instructions": 7}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (None, "cannot be read (No such file or directory)."),
            ("helaas kan ik", "line 1: expected a kind of phrases"),
            ("refusal:\n(helaas", "line 2: the phrase '(helaas' cannot be read"),
        ],
    )
    def test_phrases_that_cannot_be_used(self, tmp_path: Path, text: str | None, said: str) -> None:
        file = tmp_path / "phrases.txt"
        if text is not None:
            file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            read({"phrases": str(file)}).phrases_read()
        assert str(caught.value).startswith(f"--phrases: {file}: {said}")


class PrintConfig(RunConfig):
    """A recipe's own options, one of each kind."""

    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    source: str = option("in.jsonl", "where it begins", "FILE", fixed=False)
    kinds: list[str] = option(["one", "two"], "what is printed", "KIND")
    ink: Literal["black", "blue"] = option("black", "colour of the letters")
    copies: int = option(1, "how often", "N", gt=0)
    draft: bool = option(False, "on cheap paper")
    rounds: int | None = option(None, "stop after K rounds", "K", const=3)

    def inputs(self) -> dict[str, Input]:
        return {"source_lines": Input([self.source])}


PRINT = Recipe("print", "Printing", "https://example.org", "prints", (), (), "", config=f"{__name__}:PrintConfig")


def parsed(*arguments: str) -> dict[str, Any]:
    return vars(options(PRINT).parse_args(arguments))


class TestInput:
    def test_its_name_is_that_of_its_content(self) -> None:
        assert Input(["Name a river.", "Name a lake."]).name == Input(("Name a river.", "Name a lake.")).name
        assert Input(["Name a river."]).name.startswith("1-")
        assert Input(["Name a river."]).name != Input(["Name a lake."]).name

    def test_what_may_grow_continues_its_beginning(self) -> None:
        before = Input(["Name a river.", "Name a lake."])
        more = Input([*before.content, "Name a sea."], may_grow=True)
        assert more.continues(before.name)
        assert more.continues(more.name)
        assert not more.continues(Input(["Name a lake."]).name)
        assert not Input(before.content, may_grow=True).continues(more.name)

    def test_what_may_not_grow_stays_the_same(self) -> None:
        more = Input(["Name a river.", "Name a lake."])
        assert more.continues(more.name)
        assert not more.continues(Input(["Name a river."]).name)

    def test_a_name_of_another_kind_is_that_of_no_input(self) -> None:
        assert not Input([], may_grow=True).continues("None")


class TestOptionsOfARecipe:
    def test_each_kind_of_value(self) -> None:
        given = ["--kinds", "a", "b", "--ink", "blue", "--copies", "2", "--draft", "--rounds", "--source", "x.csv"]
        assert parsed(*given) == {
            "kinds": ["a", "b"], "ink": "blue", "copies": 2, "draft": True, "rounds": 3, "source": "x.csv",
        }  # fmt: skip
        assert parsed("--rounds", "7") == {"rounds": 7}

    def test_what_all_recipes_share(self) -> None:
        assert parsed("--llm", "openai", "--no-stage-by-stage") == {"llm": "openai", "stage_by_stage": False}

    def test_one_wording_needs_no_option(self) -> None:
        assert "--chat" not in options(PRINT).format_help()
        with pytest.raises(ConfigError, match=r"^my\.yaml: wording: Input should be 'chat', got 'base'\.$"):
            read({}, {"wording": "base"}, kind=PrintConfig)

    def test_what_the_result_depends_on(self) -> None:
        fixed = {"llm", "model", "wording", "temperature", "max_tokens", "seed", "training_format", "keep_reasoning"}
        fixed |= {
            "answers",
            "agree_by",
            "tags",
            "keep_tags",
            "filter",
            "hold_out",
            "language",
            "judge_threshold",
            "judge_model",
            "judgements",
            "stage",
            "system_prompt",
            "semantic_threshold",
            "embedder",
            "embedder_model",
        }
        assert PrintConfig.names(fixed=True) == fixed | {"kinds", "ink", "copies", "draft", "rounds"}

    def test_another_source_is_another_run(self, tmp_path: Path) -> None:
        (tmp_path / "completions").mkdir()
        (tmp_path / "completions" / "a-1-1.sqlite").touch()
        known = {"recipe": "print", "prompts_version": PRINT.prompts_version, "source_lines": Input(["a.csv"]).name}
        config = read({"source": "b.csv", "out": str(tmp_path)}, kind=PrintConfig)
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.model_dump() | known))
        with pytest.raises(RunFolderError, match="another config: source lines were read there that are not"):
            Run(config, PRINT)

    def test_the_folder_is_named_after_the_recipe(self) -> None:
        assert Run(read({}, kind=PrintConfig), PRINT).folder.path == Path("runs/print").absolute()


def test_quiet_and_the_log_on_screen_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="--quiet shows errors alone, and --verbose the log"):
        read_config({"quiet": True, "verbose": True}, {}, "", SelfInstructConfig)
