"""`python -m spacy skd push`"""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._app import app


@app.command("push")
def push_cli(
    source: Path = typer.Argument(..., metavar="WHEEL", help="The wheel, or the folder that `skd package` has made, e.g. packages"),
    repo: Optional[str] = typer.Option(None, "--repo", "-r", help="NAME/REPOSITORY, or REPOSITORY at the owner of the token; default: the package's name there"),
    evaluation: Optional[Path] = typer.Option(None, "--evaluation", "-e", help="Scores for the card: what `skd evaluate --output` wrote, e.g. metrics/evaluation.json"),
    private: bool = typer.Option(False, "--private", help="Make the repository private; refused where it is public already"),
    branch: str = typer.Option("main", "--branch", "-b", help="Branch to push to; made from main if it is not there"),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the files and the card, and ask nobody"),
) -> None:  # fmt: skip
    """
    Put a packaged pipeline on the Hugging Face Hub: its files, its wheel and a card.

    Makes the repository if it is not there. Pushing again is one commit with what has changed;
    wheels of earlier versions and files of others stay. The token is that of `hf auth login`, or
    HF_TOKEN. The card says languages, labels, scores, settings, data and licences, as they stand in
    the wheel and in the evaluation.

    Example: python -m spacy skd push packages --evaluation metrics/evaluation.json --private
    """
    from ..hub.push import preview, push

    if dry_run:
        files, card = preview(source, repo, evaluation=evaluation, branch=branch)
        for name, size in files.items():
            print(f"{size:>12,}  {name}")
        print(f"\n{card}")
        return
    done = push(source, repo, evaluation=evaluation, private=private, branch=branch)
    if done.commit is None:
        msg.good(f"Nothing has changed in {done.repo}")
    else:
        changes = done.changes
        msg.good(
            f"{len(changes.added)} files added, {len(changes.changed)} changed, "
            f"{len(changes.removed)} removed: {done.commit}"
        )
    print(done.install)
