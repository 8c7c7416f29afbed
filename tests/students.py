"""A student as the project makes it, but small: one of our configs, with word vectors and a
tokenizer that has learned from the corpus.
"""

from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config

from spacy_skd.vectors.make import make_vectors

from .conftest import SENTENCES, make_examples, reference_doc
from .vectors.encoders import save_encoder

CONFIGS = Path(__file__).parents[1] / "configs"


def make_student(folder: Path, task: str = "ner", steps: int = 40) -> Language:
    """Trained on `SENTENCES`.

    folder (Path): For the corpus and the vectors.
    task (str): "ner" or "pos".
    """
    vocab = spacy.blank("xx").vocab
    docs = [as_written(reference_doc(vocab, *sentence)) for sentence in 20 * SENTENCES]
    (folder / "corpus" / "en").mkdir(parents=True)
    for split in ("train", "dev"):
        DocBin(docs=docs, store_user_data=True).to_disk(folder / "corpus" / "en" / f"{split}.spacy")
    make_vectors(str(save_encoder(folder / "encoder")), folder / "vectors", dims=6)
    component = {"ner": "ner", "pos": "tagger"}[task]
    overrides = {
        "paths.corpus": str(folder / "corpus"),
        "paths.vectors": str(folder / "vectors"),
        f"components.{component}.model.tok2vec.embed.embed.rows": [300, *8 * [100]],
    }
    nlp = init_nlp(load_config(CONFIGS / f"{task}_student.cfg", overrides))
    optimizer = nlp.create_optimizer()
    for _ in range(steps):
        nlp.update(make_examples(nlp), sgd=optimizer)
    return nlp


def as_written(doc: Doc) -> Doc:
    """With no space before a full stop, so that there is something for a tokenizer to learn."""
    spaces = [token.nbor().text != "." for token in doc[:-1]] + [False]
    return Doc(
        doc.vocab, words=[t.text for t in doc], spaces=spaces, user_data=doc.user_data
    ).from_array(
        ["ENT_IOB", "ENT_TYPE", "TAG", "POS"], doc.to_array(["ENT_IOB", "ENT_TYPE", "TAG", "POS"])
    )
