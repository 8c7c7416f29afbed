"""Documents of several sentences: scores without boundaries, with those of a rule, with gold ones.

    python benchmarks/joined_sentences.py training/student/model-best corpus

The pipeline gets the words of the corpus, sentence by sentence as in `skd evaluate`, and so many
sentences at a time in one document: without boundaries, with those of spaCy's `sentencizer`, and
with those of the corpus. `--encoder` adds the same with another architecture over the same
parameters: `spacy.Tok2Vec.v2` sees across boundaries, `spacy-skd.SentenceTok2Vec.v1` does not.
Speed is that of documents without boundaries, with and without the rule, in turn: the median of the
ratios of times.
"""

import time
from pathlib import Path
from statistics import mean, median
from typing import Any, Dict, Iterator, List, Optional

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from wasabi import table

from spacy_skd.corpora.layout import find_languages
from spacy_skd.corpora.stored import copy_tokens, read_split, words_and_spaces
from spacy_skd.evaluation.evaluate import produced_metrics
from spacy_skd.pipeline.crf_pipe import CRFPipe

RULE = "sentencizer"
BOUNDARIES = ("none", RULE, "gold")


def load(pipeline: str, encoder: Optional[str]) -> Language:
    nlp = spacy.load(pipeline)
    if encoder is not None:
        names = [name for name, pipe in nlp.pipeline if isinstance(pipe, CRFPipe)]
        key = "components.{}.model.tok2vec.@architectures"
        nlp = spacy.load(pipeline, config={key.format(name): encoder for name in names})
    if RULE not in nlp.pipe_names:
        nlp.add_pipe(RULE, first=True, config={"scorer": None})
    return nlp


def joined(docs: List[Doc], size: int) -> Iterator[Doc]:
    """Gold documents of so many sentences, with their boundaries."""
    for i in range(0, len(docs), size):
        group = docs[i : i + size]
        concatenate: Any = Doc.from_docs  # spaCy's stubs lack `exclude`
        whole = concatenate([*group], ensure_whitespace=False, exclude=["user_data"])
        starts = {sum(map(len, group[:n])) for n in range(len(group))}
        for token in whole:
            token.is_sent_start = token.i in starts
        yield whole


def unbounded(doc: Doc) -> Doc:
    words, spaces = words_and_spaces(doc)
    return Doc(doc.vocab, words=words, spaces=spaces)


def tag(nlp: Language, golds: List[Doc], boundaries: str) -> List[Doc]:
    fresh = copy_tokens if boundaries == "gold" else lambda doc, _: unbounded(doc)
    docs = [fresh(gold, nlp.vocab) for gold in golds]
    with nlp.select_pipes(disable=[RULE] if boundaries == "none" else []):
        return list(nlp.pipe(docs))


def score(nlp: Language, metric: str, golds: List[Doc], boundaries: str) -> float:
    examples = [Example(*pair) for pair in zip(tag(nlp, golds, boundaries), golds)]
    pipe: Any = nlp.get_pipe(nlp.pipe_names[-1])
    return 100 * pipe.score(examples)[metric]


def seconds(nlp: Language, golds: List[Doc], boundaries: str) -> float:
    start = time.process_time()
    tag(nlp, golds, boundaries)
    return time.process_time() - start


def main(
    pipeline: str = typer.Argument(..., help="A folder or package with crf_ner or crf_tagger"),
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    split: str = typer.Option("test", help="Of the corpus"),
    size: int = typer.Option(10, min=2, help="Sentences of a document"),
    encoder: Optional[str] = typer.Option(None, help="Architecture to compare the encoder with"),
    rounds: int = typer.Option(9, help="Of the comparison of speed; 0 for none"),
) -> None:
    """Print scores by language, then what the rule costs."""
    pipelines = {"": load(pipeline, None)}
    if encoder is not None:
        pipelines[f" {encoder}"] = load(pipeline, encoder)
    nlp = pipelines[""]
    (metric,) = produced_metrics(nlp)
    languages = find_languages(corpus, [split])
    rows: Dict[str, List[float]] = {}
    for language in languages:
        for name, nlp in pipelines.items():
            docs = [doc for doc in read_split(corpus, language, split, nlp.vocab) if len(doc)]
            if not name:
                rows.setdefault("sentences", []).append(score(nlp, metric, docs, "gold"))
            groups = list(joined(docs, size))
            for boundaries in BOUNDARIES:
                row = rows.setdefault(f"{size} together, {boundaries}{name}", [])
                row.append(score(nlp, metric, groups, boundaries))
    cells = [[name, *(f"{x:.2f}" for x in (*row, mean(row)))] for name, row in rows.items()]
    header = (metric, *languages, "average")
    print(table(cells, header=header, divider=True, aligns=("l", *"r" * (len(languages) + 1))))
    if rounds:
        nlp = pipelines[""]
        docs = list(joined(list(read_split(corpus, languages[0], split, nlp.vocab)), size))
        times = [[seconds(nlp, docs, how) for how in ("none", RULE)] for _ in range(rounds)]
        ratio = median(with_rule / without for without, with_rule in times)
        print(f"time with {RULE} / without: {ratio:.3f}")


if __name__ == "__main__":
    typer.run(main)
