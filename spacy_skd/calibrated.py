"""From a pipeline to one whose confidences can be believed."""

from pathlib import Path
from typing import Dict, Optional, Sequence

from .corpora.layout import find_languages
from .corpora.stored import read_split
from .errors import Errors, SkdError
from .evaluation.calibration import expected_calibration_error
from .evaluation.evaluate import load
from .evaluation.temperature import Fit, calibrate
from .folders import Kind, MadeFolder
from .locks import locked
from .packaging import learned

RECORD = "calibration.json"


def make_calibrated(
    pipeline: str,
    corpus: Path,
    output: Path,
    split: str = "dev",
    languages: Optional[Sequence[str]] = None,
) -> Dict[str, Fit]:
    """A copy of a pipeline, each of its CRF components with the temperature that fits a split; and
    beside its files `calibration.json`, which says what was found.

    pipeline (str): A folder, or the name of an installed package.
    output (Path): Folder for the copy; one that this has made is replaced.
    RETURNS: {name of the component: its temperature, and what it changes}.
    Raises `SkdError` for a pipeline that cannot be loaded or has no CRF component, a corpus without
        the split, if something else is at the output, and where nothing can be fitted.
    """
    nlp, _ = load(pipeline)
    names = frozenset({"config.cfg", "meta.json", "tokenizer", "vocab", RECORD, *nlp.pipe_names})
    folder = MadeFolder(output, Kind(RECORD, "spacy-skd calibrated pipeline", 1, names))
    folder.check_place()
    languages = find_languages(corpus, [split], languages)
    docs = [doc for lang in languages for doc in read_split(corpus, lang, split, nlp.vocab)]
    fits = calibrate(nlp, docs)
    if not fits:
        raise SkdError(Errors.SKD235.format(source=pipeline, pipes=", ".join(nlp.pipe_names)))
    if Path(pipeline).is_dir():
        nlp.meta.update(learned(Path(pipeline)))  # for its package; the run is not beside the copy
    with locked(folder.path):
        folder.clear()
        try:
            nlp.to_disk(folder.unfinished)
            components = {name: as_record(fit) for name, fit in fits.items()}
            folder.publish({"split": split, "languages": languages, "components": components})
        finally:
            folder.clear()
    return fits


def as_record(fit: Fit) -> Dict[str, float]:
    errors = [expected_calibration_error(curve) or 0.0 for curve in (fit.before, fit.after)]
    return {
        "temperature": fit.temperature,
        "best_temperature": fit.best,
        "error_before": errors[0],
        "error": errors[1],
    }
