"""`python -m spacy skd convert`: raw corpora to spaCy's binary format."""

import dataclasses
from pathlib import Path
from typing import Any, Optional

import typer
from wasabi import msg

from ._app import app


@app.command("convert")
def convert_cli(
    input_path: Path = typer.Argument(..., help="Folder of the raw corpus, or a single file"),
    output_path: Path = typer.Argument(..., help="Folder for the converted corpus; one that is there already is kept if nothing changed, or replaced as a whole"),
    format: str = typer.Option("auto", "--format", "-f", help="Format of the labelled files: conllu, conll (token and tag columns: CoNLL-2002, CoNLL-2003, two columns; IOB1 or IOB2), wikiann, semeval (XML), or auto: each file's content decides"),
    lang: Optional[str] = typer.Option(None, "--lang", "-l", help="Language of a single file"),
    split: Optional[str] = typer.Option(None, "--split", "-s", help="What a single file is: train, dev, test, unlabelled or raw"),
    dev_fraction: float = typer.Option(0.1, "--dev-fraction", "-d", help="Part of train that becomes dev where a language has no dev file; 0 for none"),
    drop_duplicates: bool = typer.Option(False, "--drop-duplicates/--keep-duplicates", help="Leave out of train what is in dev or test as well, token by token"),
    limit: int = typer.Option(0, "--limit", "-n", help="Most training sentences of a language; of more so many are drawn. 0 for all"),
    seed: int = typer.Option(0, "--seed", help="Seed for drawing dev and training sentences"),
    default_type: str = typer.Option("TARGET", "--type", "-t", help="Entity type of tags that have none (B, I) and of SemEval's opinion targets"),
    tag: str = typer.Option("upos", "--tag", help="CoNLL-U column that becomes token.tag_: upos or xpos. UPOS becomes token.pos_ in any case"),
    merge_subtokens: bool = typer.Option(False, "--merge-subtokens/--split-subtokens", help="CoNLL-U: give multiword tokens that are not the sum of their words the tokens that their text has, as a pipeline meets them: one for French du (de le), three for Spanish dámelo (da me lo)"),
    tokenize: bool = typer.Option(False, "--tokenize", help="unlabelled.txt is raw text as well: split it into sentences and tokens with spaCy's tokenizer of the language"),
    follow_links: bool = typer.Option(False, "--follow-links", help="Follow symbolic links that lead out of INPUT_PATH"),
    run: str = typer.Option("", "--run", help="The project's variable of this name: it ends the name of the package, and one that no package can have is refused before the work"),
    encoding: str = typer.Option("utf-8", "--encoding", "-e", help="Encoding of the files that are not UTF-8, for example latin-1 for CoNLL-2002, or cp1252 for files of Windows. XML and byte order marks declare their own"),
) -> None:  # fmt: skip
    """
    Convert annotated corpora of one or several languages to spaCy's binary format.

    INPUT_PATH is a folder <language>/{train,dev,test}.<extension>, with unlabelled text as
    <language>/unlabelled.txt (one sentence a line, tokens separated by spaces) or <language>/raw.txt
    (text as people write it: spaCy finds sentences and tokens); or a single file with --lang and
    --split. OUTPUT_PATH becomes a folder
    <language>/{train,dev,test}.spacy in which each sentence is a Doc that carries its language in
    doc.user_data["lang"]. Unlabelled text becomes <language>/unlabelled/00000.spacy and so on, 1000
    sentences each, so that it can be read in pieces.

    Every language needs a train file, unless none has one: a corpus for evaluation only. Tag
    sequences that are not legal are repaired and counted; training sentences that are in dev or test
    as well are counted. Broken input is reported with file, line and reason, and nothing is written.

    Example: python -m spacy skd convert raw corpus --dev-fraction 0.1
    """
    from ..corpora.convert import convert
    from ..corpora.documents import ReadOptions
    from ..packaging import check_run

    check_run(run)
    report = convert(
        input_path,
        output_path,
        format=format,
        lang=lang,
        split=split,
        dev_fraction=dev_fraction,
        drop_duplicates=drop_duplicates,
        limit=limit,
        seed=seed,
        follow_links=follow_links,
        options=ReadOptions(encoding, tag, default_type, tokenize, merge_subtokens),
    )
    _print_report(report)
    msg.good("Nothing changed" if report.unchanged else f"Corpus written to {output_path}")


def _print_report(report: Any) -> None:
    header = (
        *("Language", "Split", "Sentences", "Tokens", "Entities", "Labels", "Repaired"),
        "Duplicates",
    )
    rows = [
        ["-" if cell is None else cell for cell in dataclasses.astuple(split)]
        for split in report.splits
    ]
    msg.table(rows, header=header, divider=True, aligns=("l", "l", *"rrrrrr"))
    for note in report.notes:
        typer.echo(note)
