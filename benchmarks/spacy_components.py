"""Are the teachers as good as spaCy's own components? Same tok2vec, data, steps and seed.

    python benchmarks/spacy_components.py ner corpus training/teachers --training.max_steps 500

puts spaCy's `ner` or `tagger` where `crf_ner` or `crf_tagger` stands in configs/<task>_teacher.cfg,
trains it for each language with the same overrides as the teachers had, and evaluates both on test.
"""

import sys
from pathlib import Path
from subprocess import run

import typer
from thinc.api import Config

SPACY = [sys.executable, "-m", "spacy", "skd"]


def spacy_config(task: str) -> Config:
    """The teacher's config with spaCy's component on the same tok2vec."""
    path = Path(__file__).parents[1] / "configs" / f"{task}_teacher.cfg"
    config = Config().from_disk(path, interpolate=False)
    (name, ours), *_ = config["components"].items()
    tok2vec = ours["model"]["tok2vec"]
    if task == "ner":
        model = {
            "@architectures": "spacy.TransitionBasedParser.v2",
            "state_type": "ner",
            "extra_state_tokens": False,
            "hidden_width": 64,
            "maxout_pieces": 2,
            "use_upper": True,
            "nO": None,
            "tok2vec": tok2vec,
        }
        config["components"][name] = {
            "factory": "ner",
            "model": model,
            "scorer": {"@scorers": "spacy-skd.NERScorer.v1"},
        }
    else:
        model = {"@architectures": "spacy.Tagger.v2", "nO": None, "tok2vec": tok2vec}
        # spaCy's tagger sets token.tag_; the corpora of the project have the same tag there.
        config["components"][name] = {
            "factory": "tagger",
            "model": model,
            "scorer": {"@scorers": "spacy-skd.TaggerScorer.v1"},
        }
        config["training"]["score_weights"] = {"tag_acc": 0.0, "tag_acc_macro": 1.0}
    return config


def main(
    context: typer.Context,
    task: str = typer.Argument(..., help="ner or pos"),
    corpus: Path = typer.Argument(..., help="Converted corpus folder"),
    teachers: Path = typer.Argument(..., help="Folder of the teachers, <lang>/model-best"),
    output: Path = typer.Option(Path("training/spacy"), help="Folder for spaCy's pipelines"),
    jobs: int = typer.Option(2, help="Trainings at a time"),
) -> None:
    """Print a table of test scores: spaCy's components and the teachers, by language."""
    output.mkdir(parents=True, exist_ok=True)
    config = output / "config.cfg"
    spacy_config(task).to_disk(config)
    command = SPACY + ["teachers", str(corpus), "--config", str(config), "--output", str(output)]
    run(command + ["--jobs", str(jobs), *context.args], check=True)
    candidates = [f"{n}={p}/{{lang}}/model-best" for n, p in (("spacy", output), ("crf", teachers))]
    run(SPACY + ["evaluate", *candidates, "--corpus", str(corpus)], check=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(main)
    app()
