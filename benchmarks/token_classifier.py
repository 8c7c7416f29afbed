"""A token classifier trained with transformers' own Trainer, to teach by `hf:`.

    python benchmarks/token_classifier.py corpus ENCODER OUTPUT --steps 1500
    python -m spacy skd label corpus --teachers hf:OUTPUT

One for all languages of a converted corpus, with the entities in IOB2, or with --task pos the parts
of speech. As usual the first piece of a word has its label. Needs accelerate, as the Trainer does.
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import torch
import typer
from spacy.tokens import Doc
from spacy.training import offsets_to_biluo_tags
from spacy.vocab import Vocab
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
)

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import read_split
from spacy_skd.schemes import coarsen

PIECES = 128  # of a sentence; memory grows with the square of the longest, which are few
IGNORED = -100  # of the cross-entropy: pieces that are not the first of a word


def sentences(corpus: Path, split: str, task: str) -> Iterator[Tuple[List[str], List[str]]]:
    """Words and tags of all languages."""
    for language in find_languages(corpus, [split]):
        for doc in read_split(corpus, language, split, Vocab()):
            yield [token.text for token in doc], tags_of(doc, task)


def tags_of(doc: Doc, task: str) -> List[str]:
    if task == "pos":
        return [token.pos_ for token in doc]
    spans = [(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents]
    return [coarsen(tag) for tag in offsets_to_biluo_tags(doc, spans)]


def encode(tokenizer: Any, words: List[str], tags: List[str], index: Dict[str, int]) -> Any:
    encoded = tokenizer(words, is_split_into_words=True, truncation=True, max_length=PIECES)
    of_piece = encoded.word_ids()
    labels = [IGNORED] * len(of_piece)
    for word, tag in enumerate(tags):
        if word in of_piece:  # some characters have no piece, and what is too long is cut off
            labels[of_piece.index(word)] = index[tag]
    return {**encoded, "labels": labels}


def main(
    corpus: Path, encoder: str, output: Path, task: str = "ner", steps: int = 1500, seed: int = 0
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder, add_prefix_space=True)
    train = list(sentences(corpus, "train", task))
    names = sorted({tag for _, tags in train for tag in tags})
    index = {name: i for i, name in enumerate(names)}
    model = AutoModelForTokenClassification.from_pretrained(
        encoder, id2label=dict(enumerate(names)), label2id=index
    )
    # See `spacy-skd.FineTunedEncoder.v1`: most of the numbers, least of the gain.
    model.get_input_embeddings().requires_grad_(False)
    settings = TrainingArguments(
        output_dir=str(output / "runs"),
        max_steps=steps,
        per_device_train_batch_size=32,
        group_by_length=True,
        learning_rate=5e-5,
        warmup_ratio=0.1,
        bf16=torch.cuda.is_available(),  # most CPUs only imitate it
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="no",
        report_to=[],
        logging_steps=100,
    )
    Trainer(
        model,
        settings,
        train_dataset=[encode(tokenizer, *sentence, index) for sentence in train],
        data_collator=DataCollatorForTokenClassification(tokenizer),
    ).train()
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)


if __name__ == "__main__":
    typer.run(main)
