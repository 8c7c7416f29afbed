"""What is done to a pipeline before `spacy train` saves it."""

from typing import Callable

from spacy import registry
from spacy.language import Language


@registry.callbacks("spacy-skd.ForgetPaths.v1")
def make_forget_paths() -> Callable[[Language], Language]:
    """A `training.before_to_disk` callback: the saved pipeline names no corpus, teacher or targets.

    Readers take their paths from the `[paths]` block, so emptying it is enough; what the run itself
    uses was resolved before and is not touched.
    """
    return forget_paths


def forget_paths(nlp: Language) -> Language:
    paths = nlp.config["paths"]
    for name in paths:
        paths[name] = None
    return nlp
