"""Scores from raw text: the pipeline finds the words itself."""

from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from ..corpora.surface import Surface, surface_of
from .counts import f_score

Span = Tuple[int, int]
ATTRIBUTES = {"tag_acc": "tag_", "pos_acc": "pos_"}


class Counts(NamedTuple):
    """What is in the corpus, what was found, and what of it is right."""

    gold: int
    found: int
    right: int

    @property
    def f1(self) -> float:
        return float(
            f_score(np.array([self.right, self.found - self.right, self.gold - self.right]))
        )


def raw_scores(nlp: Language, metrics: Sequence[str], docs: Iterable[Doc]) -> Dict[str, Any]:
    """F1 of words, and of entities or tags, where the pipeline gets the text of each sentence.

    Words and tags are compared as in the shared tasks on Universal Dependencies (Zeman et al.,
    CoNLL 2018): words of the corpus and of the pipeline belong together if they are the same
    characters of the text; those of a multiword token that is not the sum of its words ("du", which
    is "de" and "le") as far as they are a common subsequence of it. Entities are right if label and
    characters are.

    metrics (Sequence[str]): Of `METRICS`.
    RETURNS: {"words_f", <metric>: F1, "simple": the same without those multiword tokens, whose
        words no tokenizer can find that keeps the text}.
    """
    golds = list(docs)
    surfaces = [surface_of(gold) for gold in golds]
    founds = list(nlp.pipe(surface.text for surface in surfaces))
    sentences = list(zip(golds, surfaces, founds))
    scores: Dict[str, Any] = {}
    for simple in (False, True):
        names = ["words_f", *(metric for metric in metrics if metric in ATTRIBUTES)]
        of_kind = {name: total(count_words(*s, name, simple) for s in sentences) for name in names}
        if simple:
            scores["simple"] = of_kind
        else:
            scores.update(of_kind)
    if "ents_f" in metrics:
        scores["ents_f"] = total(count_entities(*sentence) for sentence in sentences)
    return scores


def total(counts: Iterable[Counts]) -> float:
    return Counts(*map(sum, zip(*counts))).f1


def count_words(gold: Doc, surface: Surface, found: Doc, name: str, simple: bool) -> Counts:
    """Words, or those with the right tag of the annotated ones.

    simple (bool): Whether to leave multiword tokens out that are not the sum of their words.
    """
    blocks = {span for span, fused in zip(surface.spans, surface.fused) if fused}
    words = [i for i in not_white(gold) if not (simple and surface.fused[i])]
    others = not_white(found)
    if simple:
        others = [i for i in others if not any(within(span_of(found, i), b) for b in blocks)]
    pairs = align(gold, surface, found, set(words), others, blocks)
    if name not in ATTRIBUTES:
        return Counts(len(words), len(others), len(pairs))
    attribute = ATTRIBUTES[name]
    missing = {i for i in words if not getattr(gold[i], attribute)}
    right = sum(
        i not in missing and getattr(gold[i], attribute) == getattr(found[j], attribute)
        for i, j in pairs
    )
    unasked = sum(i in missing for i, _ in pairs)
    return Counts(len(words) - len(missing), len(others) - unasked, right)


def not_white(doc: Doc) -> List[int]:
    """Tokens that are words; white space may be one of its own, in a corpus too."""
    return [token.i for token in doc if not token.text.isspace()]


def align(
    gold: Doc, surface: Surface, found: Doc, words: Set[int], others: List[int], blocks: Set[Span]
) -> List[Tuple[int, int]]:
    """Pairs of a word of the corpus and one of the pipeline."""
    by_span = {span_of(found, j): j for j in others}
    pairs = [
        (i, by_span[surface.spans[i]])
        for i in sorted(words)
        if not surface.fused[i] and surface.spans[i] in by_span
    ]
    for block in blocks if words and any(surface.fused[i] for i in words) else ():
        ours = [i for i in words if surface.fused[i] and surface.spans[i] == block]
        theirs = [j for j in others if within(span_of(found, j), block)]
        pairs += common(gold, sorted(ours), found, theirs)
    return pairs


def common(gold: Doc, ours: List[int], found: Doc, theirs: List[int]) -> List[Tuple[int, int]]:
    """The longest common subsequence of two lists of words, upper and lower case alike."""
    best: List[List[List[Tuple[int, int]]]] = [[[] for _ in range(len(theirs) + 1)]]
    for i in ours:
        row: List[List[Tuple[int, int]]] = [[]]
        for n, j in enumerate(theirs):
            if gold[i].text.lower() == found[j].text.lower():
                row.append([*best[-1][n], (i, j)])
            else:
                row.append(max(best[-1][n + 1], row[n], key=len))
        best.append(row)
    return best[-1][-1]


def count_entities(gold: Doc, surface: Surface, found: Doc) -> Counts:
    """Entities by label and characters; what touches words without annotation is not counted."""
    spans = surface.spans
    expected = {(ent.label_, spans[ent.start][0], spans[ent.end - 1][1]) for ent in gold.ents}
    unknown = [span for span, token in zip(spans, gold) if not token.ent_iob]
    ours = {
        (ent.label_, ent.start_char, ent.end_char)
        for ent in found.ents
        if not any(ent.start_char < end and start < ent.end_char for start, end in unknown)
    }
    return Counts(len(expected), len(ours), len(expected & ours))


def span_of(doc: Doc, i: int) -> Span:
    token = doc[i]
    return token.idx, token.idx + len(token)


def within(span: Span, block: Span) -> bool:
    return block[0] <= span[0] and span[1] <= block[1]
