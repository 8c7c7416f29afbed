"""What a pipeline is least sure of, first, as JSON lines for people to look at."""

import argparse
from pathlib import Path
from typing import Any, Dict, Iterator

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config

CONFIG = Path(__file__).with_name("confidence.cfg")
OTHERS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline", help="Folder or package with a component ner of crf_ner")
    parser.add_argument("texts", type=Path, help="A text a line")
    parser.add_argument("output", type=Path, help="JSON lines")
    parser.add_argument("--below", type=float, default=0.9, help="Probability from 0 to 1")
    arguments = parser.parse_args()
    nlp = spacy.load(arguments.pipeline, config=Config().from_disk(CONFIG))
    texts = filter(str.strip, arguments.texts.read_text(encoding="utf-8").splitlines())
    found = [
        entry
        for doc in nlp.pipe(texts)
        for entry in doubtful(nlp, doc)
        if entry["probability"] < arguments.below
    ]
    found.sort(key=lambda entry: entry["probability"])
    srsly.write_jsonl(arguments.output, found)
    print(f"{len(found)} entities below {arguments.below}: {arguments.output}")


def doubtful(nlp: Language, doc: Doc) -> Iterator[Dict[str, Any]]:
    """Each entity of a document; the other analyses are asked for where there are entities."""
    others = [] if not doc.ents else nlp.get_pipe("ner").kbest(doc, OTHERS)
    for entity in doc.ents:
        yield {
            "text": doc.text,
            "start": entity.start_char,
            "end": entity.end_char,
            "label": entity.label_,
            "probability": round(float(entity._.confidence), 4),
            "others": [
                {
                    "probability": round(probability, 4),
                    "entities": [[e.start_char, e.end_char, e.label_] for e in entities],
                }
                for entities, probability in others
            ],
        }


if __name__ == "__main__":
    main()
