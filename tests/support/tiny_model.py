"""A language model of 150 KB with random weights, made on the spot: what real inference servers are tested with.

Its tokens are the printable ASCII characters, so that whatever it says is text, and JSON where it is guided.
Needs torch and transformers. By hand: `python -m tests.support.tiny_model FOLDER [--base]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL_TOKENS = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
CONTEXT_LENGTH = 2048


def make_tiny_model(folder: Path, chat: bool = True, seed: int = 0) -> Path:
    """Writes the model; without `chat` its tokenizer has no chat template, as a base model's."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    characters = [chr(code).replace(" ", "Ġ") for code in range(0x20, 0x7F)] + ["Ċ"]  # byte-level BPE's space, newline
    vocabulary = {token: i for i, token in enumerate([*SPECIAL_TOKENS, *characters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.chat_template = CHAT_TEMPLATE if chat else None
    fast.save_pretrained(folder)

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT_LENGTH,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.do_sample = True  # else `transformers serve` ignores temperature and seed
    model.generation_config.suppress_tokens = list(range(len(SPECIAL_TOKENS)))  # else it ends where chance has it
    model.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", action="store_true", help="without a chat template")
    arguments = parser.parse_args()
    print(make_tiny_model(arguments.folder, chat=not arguments.base))
