"""Scorers of the components: spaCy's scores, and the same for each language and their mean."""

from collections import defaultdict
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from spacy import registry
from spacy.scorer import Scorer, get_ner_prf
from spacy.training import Example

METRICS = ("ents_f", "tag_acc", "pos_acc")
MACRO = "macro"

Scores = Dict[str, Any]
ScoreFunction = Callable[[Sequence[Example]], Scores]


@registry.scorers("spacy-skd.NERScorer.v1")
def make_ner_scorer() -> Callable[..., Scores]:
    """A scorer of `doc.ents`: `score_entities`."""
    return score_entities


@registry.scorers("spacy-skd.TaggerScorer.v1")
def make_tagger_scorer(attribute: str = "tag") -> Callable[..., Scores]:
    """A scorer of a token attribute: `score_tags` for `attribute`.

    attribute (str): "tag" (`token.tag_`, key `tag_acc`) or "pos" (`token.pos_`, key `pos_acc`).
    """
    # A partial and not a closure: components are pickled, and their scorer with them.
    return partial(score_tags, attribute)


def score_entities(examples: Iterable[Example], /, **cfg: Any) -> Scores:
    """spaCy's `ents_p`, `ents_r`, `ents_f` (micro) and `ents_per_type`, of exact spans with labels.

    Predictions on tokens without annotation count neither as right nor as wrong. Further keys:
    `ents_f_<lang>` for each language among the references (`doc.user_data["lang"]`) and
    `ents_f_macro`, the mean over the languages. A score without any gold annotation is None.
    """
    return score_languages(get_ner_prf, "ents_f", examples)


def score_tags(attribute: str, examples: Iterable[Example], /, **cfg: Any) -> Scores:
    """spaCy's `tag_acc` (or `pos_acc`), with `tag_acc_<lang>` and `tag_acc_macro` as above. A
    component that says which attribute it sets (`crf_tagger`) overrides `attribute`.
    """
    attribute = cfg.get("attribute", attribute)
    score = partial(Scorer.score_token_attr, attr=attribute)
    return score_languages(score, f"{attribute}_acc", examples)


def score_languages(score: ScoreFunction, metric: str, examples: Iterable[Example]) -> Scores:
    """The scores of all examples, with `metric` repeated for each language and averaged over them.

    Examples of unknown language count in the overall scores only; a language whose score is None
    (nothing annotated) is left out of the mean.
    """
    examples = list(examples)
    scores = dict(score(examples))
    languages = {
        language: score(group)[metric] for language, group in by_language(examples).items()
    }
    scores.update({f"{metric}_{language}": value for language, value in languages.items()})
    scores[f"{metric}_{MACRO}"] = mean(languages.values())
    return scores


def by_language(examples: Iterable[Example]) -> Dict[str, List[Example]]:
    """The examples whose reference names a language, by language, in alphabetical order."""
    groups: Dict[str, List[Example]] = defaultdict(list)
    for example in examples:
        language = example.reference.user_data.get("lang")
        if language is not None:
            groups[language].append(example)
    return dict(sorted(groups.items()))


def mean(values: Iterable[Optional[float]]) -> Optional[float]:
    """The mean of the values that are not None; None if there is none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
