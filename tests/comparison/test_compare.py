"""Parts of a comparison that need no training."""

from spacy_skd.comparison.compare import best_of


def scores(**values):
    return {
        "languages": {language: {"ents_f": value} for language, value in values.items()},
        "counts": {language: [[value, 0, 0]] for language, value in values.items()},
    }


def test_of_several_teachers_the_best_for_each_language():
    first, second = scores(de=0.5, ru=0.2, tl=None), scores(de=0.4, ru=0.3, tl=0.1)
    assert best_of(None, first, "ents_f") is first
    best = best_of(first, second, "ents_f")
    assert best == scores(de=0.5, ru=0.3, tl=0.1)
    assert first == scores(de=0.5, ru=0.2, tl=None)
