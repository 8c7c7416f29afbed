"""Labelled documents as pages to look at, by spaCy's displaCy."""

import re
from html import escape
from pathlib import Path
from typing import Any, Dict, List, Sequence

from spacy import displacy
from spacy.tokens import Doc

from ..files import write_text

ATTRIBUTES = {"tag_acc": "tag_", "pos_acc": "pos_"}
# Written from right to left, whatever their region; what the language of the pipeline, "xx", does
# not say.
# fmt: off
RIGHT_TO_LEFT = {
    "aii", "ajp", "apc", "ar", "arc", "ary", "arz", "azb", "ckb", "dv", "fa", "glk", "hbo", "he",
    "lrc", "mzn", "nqo", "pnb", "ps", "sd", "skr", "syr", "ug", "ur", "yi",
}
# fmt: on


def write_pages(folder: Path, name: str, shown: Dict[str, List[Doc]], metric: str) -> List[Path]:
    """A page `<lang>.html` for each language that has documents; nothing else there changes.

    name (str): Of the pipeline.
    shown (Dict[str, List[Doc]]): The documents of each language, labelled.
    metric (str): "ents_f", "tag_acc" or "pos_acc": what is shown of them.
    RETURNS (List[Path]): The pages.
    """
    pages = []
    for language, docs in shown.items():
        if docs:
            pages.append(folder / f"{language}.html")
            write_text(pages[-1], render_page(docs, f"{name} on {language}", language, metric))
    return pages


def render_page(docs: Sequence[Doc], title: str, language: str, metric: str) -> str:
    """An HTML page. displaCy escapes texts but neither titles nor labels, which come from files."""
    code = re.split("[-_]", language)[0].lower()
    direction = "rtl" if code in RIGHT_TO_LEFT else "ltr"
    settings = {"lang": escape(language), "direction": direction}
    parsed = [
        {"text": doc.text, "ents": marked(doc, metric), "title": None, "settings": settings}
        for doc in docs
    ]
    parsed[0]["title"] = escape(title)
    return displacy.render(parsed, style="ent", page=True, manual=True, jupyter=False)


def marked(doc: Doc, metric: str) -> List[Dict[str, Any]]:
    """The entities of a document, or its tagged tokens, as displaCy's manual mode takes them."""
    if metric == "ents_f":
        spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
    else:
        tags = ((token, getattr(token, ATTRIBUTES[metric])) for token in doc)
        spans = [(token.idx, token.idx + len(token), tag) for token, tag in tags if tag]
    return [{"start": start, "end": end, "label": escape(label)} for start, end, label in spans]
