"""The presets' values, written out against the authors' code and Alpaca's."""

from __future__ import annotations

import dataclasses

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import PRESETS, Decoding, Preset, get_preset

PAPER_KEYWORDS = ("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw",
                  "plot", "go to")  # fmt: skip


def test_paper_has_the_values_of_the_authors_code() -> None:
    assert get_preset("paper") == Preset(
        name="paper",
        seed_shots=6,
        machine_shots=2,
        prompts_a_draw=1,
        new_instructions=8,
        lag=5,
        min_words=4,
        max_words=150,
        keywords=PAPER_KEYWORDS,
        any_script=False,
        lower_case_rest=True,
        keep_truncated=False,
        tolerant=False,
        similarity_threshold=0.7,
        tokenizer="rouge",
        most_similar=10,
        classification_shots=(12, 19),
        output_first_shots=16,
        input_first_shots=11,
        max_instances=5,
        bootstrap=Decoding(
            temperature=0.7,
            top_p=0.5,
            frequency_penalty=0,
            presence_penalty=2,
            max_new_tokens=1024,
            stop=("\n\n", "\n16", "16.", "16 ."),
        ),
        classification=Decoding(temperature=0, top_p=0, max_new_tokens=3, stop=("\n", "Task")),
        output_first=Decoding(
            temperature=0, top_p=0, presence_penalty=1.5, max_new_tokens=300, stop=("Example 6", "Task:")
        ),
        input_first=Decoding(
            temperature=0, top_p=0, presence_penalty=1.5, max_new_tokens=350, stop=("Example 6", "Task:")
        ),
    )


def vars_of(preset: Preset) -> list[object]:
    return [getattr(preset, field.name) for field in dataclasses.fields(preset)]


def differences(name: str, other: str) -> set[str]:
    one, two = get_preset(name), get_preset(other)
    fields = (field.name for field in dataclasses.fields(Preset))
    return {field for field in fields if getattr(one, field) != getattr(two, field)} - {"name"}


DECODING = {"bootstrap", "classification", "output_first", "input_first", "tasks"}


def test_default_differs_from_the_paper_in_these_points_only() -> None:
    assert differences("default", "paper") - DECODING == {
        "lag", "keywords", "any_script", "lower_case_rest", "keep_truncated", "tolerant", "tokenizer", "most_similar",
        "contained_words", "prompts_a_draw", "classification_shots", "output_first_shots", "input_first_shots",
    }  # fmt: skip


def test_alpaca_shows_three_seeds_and_keeps_one_instance() -> None:
    assert differences("alpaca", "paper") - DECODING == {
        "seed_shots", "machine_shots", "max_instances", "lag", "keywords", "lower_case_rest", "keep_truncated",
        "tolerant", "contained_words",
    }  # fmt: skip
    alpaca = get_preset("alpaca")
    assert (alpaca.seed_shots, alpaca.machine_shots, alpaca.max_instances) == (3, 0, 1)
    assert alpaca.keywords == (*PAPER_KEYWORDS, "video", "audio", "music", "flowchart", "diagram")
    assert alpaca.bootstrap.temperature == 1.0


def test_alpaca_asks_for_whole_tasks_with_its_own_decoding_parameters() -> None:
    alpaca = get_preset("alpaca")
    assert (alpaca.task_shots, alpaca.tasks_in_list) == (3, 20)
    assert alpaca.tasks == Decoding(
        temperature=1.0, top_p=1.0, max_new_tokens=3072, stop=("\n20", "20."), end_early=True
    )


@pytest.mark.parametrize("name", ["default", "alpaca"])
def test_instances_are_drawn_since_small_models_loop_at_temperature_0(name: str) -> None:
    preset = get_preset(name)
    ends = ("\nTask:", "\nExample 6", "\nClass label 6")
    assert preset.output_first == preset.input_first
    assert preset.input_first == Decoding(
        temperature=0.7,
        presence_penalty=1.0,
        max_new_tokens=1024,
        stop=ends,
        chat_stop=ends,
        end_early=True,
        chat_form=preset.input_first.chat_form,
    )
    assert preset.classification == Decoding(max_new_tokens=16, stop=("\n\n", "\nTask:"), chat_stop=("\nTask:",))


def test_paper_leaves_answers_to_their_end() -> None:
    paper = [value for value in vars_of(get_preset("paper")) if isinstance(value, Decoding)]
    assert not any(each.end_early or each.chat_form for each in paper)


def test_no_question_has_more_stop_sequences_than_openai_takes() -> None:
    decodings = [value for preset in PRESETS.values() for value in vars_of(preset) if isinstance(value, Decoding)]
    assert decodings
    assert all(len(each.stop) <= 4 and len(each.chat_stop) <= 4 for each in decodings)


def test_all_presets_share_the_limits_of_the_paper() -> None:
    for preset in PRESETS.values():
        assert (preset.min_words, preset.max_words, preset.similarity_threshold) == (4, 150, 0.7)


def test_presets_are_called_by_their_names() -> None:
    assert list(PRESETS) == ["default", "paper", "alpaca"]
    assert [preset.name for preset in PRESETS.values()] == list(PRESETS)


def test_a_preset_stands_for_itself() -> None:
    mine = Preset(name="mine", min_words=2)
    assert get_preset(mine) is mine


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError) as error:
        get_preset("papr")
    assert str(error.value) == "There is no preset 'papr' (did you mean paper?); choose one of: default, paper, alpaca."
