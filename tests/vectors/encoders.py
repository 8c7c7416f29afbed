"""Encoder folders as Hugging Face's, too small to know anything: a tokenizer of each kind, and
embeddings under the name that such an encoder gives them.
"""

import json
from pathlib import Path
from typing import Dict

import numpy as np
from safetensors.numpy import save_file
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXT = [
    "Anna wohnt in Bonn und Bernd in Kiel .",
    "Anna lives in Leeds , Bob lives in York .",
    "Die Wohnung von Anna in der Bonner Altstadt",
    "Jørgen bor i København , en by i Danmark",
    "東京 に 住ん で い ます 北京",
    "unwohl bewohnbar bewohnt wohnlich living livable",
]
WORDS = sorted({word for line in TEXT for word in line.split()})
UNSEEN = ["wohnbar", "Bonnleeds", "京東", "Kielerin", "øl", "xyz"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WIDTH = 12


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=150, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def byte_bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def character_bpe() -> Tokenizer:
    """As GPT-1 and XLM have it: the end of a word is marked."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=200, special_tokens=SPECIAL, end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def sentencepiece_bpe() -> Tokenizer:
    """As LLaMA has it: unknown characters become bytes."""
    learned = Tokenizer(models.BPE(unk_token="[UNK]"))
    learned.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=180, special_tokens=SPECIAL, show_progress=False)
    learned.train_from_iterator(TEXT, trainer)
    spec = json.loads(learned.to_str())
    vocab = spec["model"]["vocab"]
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    spec["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(spec))


def word_level() -> Tokenizer:
    vocab = {word: i for i, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


TOKENIZERS = {
    "unigram": unigram,
    "wordpiece": wordpiece,
    "byte_bpe": byte_bpe,
    "character_bpe": character_bpe,
    "sentencepiece_bpe": sentencepiece_bpe,
    "word_level": word_level,
}
# The table of the pieces, and others that are not it.
NAMES = {
    "unigram": (
        "roberta.embeddings.word_embeddings.weight",
        [
            "roberta.embeddings.position_embeddings.weight",
            "roberta.embeddings.token_type_embeddings.weight",
        ],
    ),
    "wordpiece": (
        "bert.embeddings.word_embeddings.weight",
        ["bert.embeddings.position_embeddings.weight"],
    ),
    "byte_bpe": ("wte.weight", ["wpe.weight"]),
    "character_bpe": (
        "transformer.embeddings.weight",
        ["transformer.position_embeddings.weight", "transformer.lang_embeddings.weight"],
    ),
    "sentencepiece_bpe": ("model.embed_tokens.weight", ["lm_head.weight"]),
    "word_level": ("shared.weight", ["encoder.block.0.layer.0.relative_attention_bias.weight"]),
}


def tensors(kind: str, pieces: int, seed: int = 0) -> Dict[str, np.ndarray]:
    name, others = NAMES[kind]
    random = np.random.default_rng(seed)
    table = random.normal(1, 2, size=(pieces + 3, WIDTH)).astype("f")  # some rows are spare
    return {name: table, **{other: np.zeros((5, WIDTH), "f") for other in others}}


def save_encoder(folder: Path, kind: str = "unigram") -> Path:
    """A folder with tokenizer.json, model.safetensors and config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = TOKENIZERS[kind]()
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(tensors(kind, tokenizer.get_vocab_size()), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"hidden_size": WIDTH}), encoding="utf-8")
    return folder
