"""`python -m spacy skd evaluate`"""

from pathlib import Path
from typing import List, Optional

import srsly
import typer
from spacy.cli._util import string_to_list
from wasabi import msg

from ..errors import Errors, SkdError
from ._app import MAP, POOLING, SCHEME, ClassifierScheme, Pooling, app, given_classifier


@app.command("evaluate")
def evaluate_cli(
    pipelines: List[str] = typer.Argument(..., metavar="NAME=PATH...", help="Pipelines to compare: a folder, an installed package, or a token classifier of Hugging Face as hf:NAME_OR_FOLDER; {lang} in it stands for the language. The name heads the column; without NAME= the path does"),
    corpus: Path = typer.Option(..., "--corpus", "-c", help="Corpus folder, with <lang>/<split>.spacy"),
    split: str = typer.Option("test", "--split", "-s", help="Which file of each language: train, dev or test"),
    languages: str = typer.Option("", "--languages", "-l", help="Comma-separated; default: every language in the corpus folder"),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for all scores, e.g. metrics/evaluation.json"),
    raw: bool = typer.Option(False, "--raw", help="Score from raw text too, whose words the pipeline finds itself, beside the words of the corpus"),
    show: int = typer.Option(0, "--show", "-n", min=0, help="Print this many sentences of each language as the last pipeline labels them"),
    displacy: Optional[Path] = typer.Option(None, "--displacy", "-d", help="Folder for a page <lang>.html of each language, as the last pipeline labels it"),
    displacy_limit: int = typer.Option(25, "--displacy-limit", min=1, help="Sentences on each of these pages"),
    rename: str = MAP,
    pooling: Pooling = POOLING,
    scheme: Optional[ClassifierScheme] = SCHEME,
) -> None:  # fmt: skip
    """
    Compare pipelines language by language.

    Each pipeline runs once over each language, on the words of the corpus. Its components decide
    what is scored: entities (F1 of exact spans) or tags (accuracy). Prints a table with a row for
    each language and their average; precision, recall, scores per type and words per second
    are in the JSON file. A language without a pipeline of its own ({lang}) leaves a gap.
    With `--raw` words and tags are scored from the text as in the shared tasks on Universal
    Dependencies, entities by their characters.
    `--map`, `--pooling` and `--scheme` are those of `label`, for every hf:NAME_OR_FOLDER.
    `--displacy` is what `spacy evaluate --displacy-path` does not do for crf_ner and crf_tagger.

    Example: python -m spacy skd evaluate "teachers=training/teachers/{lang}/model-best"
    student=training/student/model-best xx_skd --corpus corpus --output metrics/evaluation.json
    """
    from ..evaluation.evaluate import Candidate, evaluate_pipelines
    from ..evaluation.html import write_pages
    from ..evaluation.scorers import METRICS
    from ..evaluation.tables import mark_labels, raw_table, score_tables
    from ..files import check_writable, write_text
    from ..teachers import ClassifierSettings

    classifier = given_classifier(rename, pooling, scheme)
    candidates = [Candidate.parse(text, classifier) for text in pipelines]
    if classifier != ClassifierSettings() and not any(c.is_classifier for c in candidates):
        raise SkdError(Errors.SKD160.format(path=candidates[-1].source))
    if output is not None:
        check_writable(output)
    if displacy is not None:
        displacy.mkdir(parents=True, exist_ok=True)  # if it cannot be made, before the long work
    report, shown = evaluate_pipelines(
        candidates,
        corpus,
        split=split,
        languages=string_to_list(languages),
        raw=raw,
        show=show if displacy is None else max(show, displacy_limit),
    )
    if output is not None:
        write_text(output, srsly.json_dumps(report, indent=2))
    print(score_tables(report))
    if raw:
        for name, pipeline in report["pipelines"].items():
            for metric in METRICS:
                if metric in pipeline["average"]:
                    print(raw_table(report, name, metric))
    name, last = list(report["pipelines"].items())[-1]
    metric = next(metric for metric in METRICS if metric in last["average"])
    for language, docs in shown.items():
        for doc in docs[:show]:
            print(f"[{language}] {mark_labels(doc, metric)}")
    if displacy is not None:
        limited = {language: docs[:displacy_limit] for language, docs in shown.items()}
        pages = write_pages(displacy, name, limited, metric)
        msg.good(f"{len(pages)} pages written to {displacy}")
    if output is not None:
        msg.good(f"Scores written to {output}")
