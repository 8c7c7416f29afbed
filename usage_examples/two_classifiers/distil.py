"""Token classifiers of Hugging Face, one for each language, taught to one small pipeline."""

import argparse
import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).with_name("student.cfg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path, help="Raw corpus, a folder a language")
    parser.add_argument("work", type=Path, help="Folder for all that is made")
    parser.add_argument("--teacher", action="append", required=True, metavar="LANGUAGE=NAME")
    parser.add_argument("--map", default="", help="Other names of labels, PERSON=PER,...")
    parser.add_argument("--steps", type=int, default=2000, help="Of the student's training")
    arguments = parser.parse_args()

    corpus, targets = arguments.work / "corpus", arguments.work / "targets"
    skd("convert", arguments.raw, corpus)
    for teacher in arguments.teacher:
        language, _, name = teacher.partition("=")
        options = ["--map", arguments.map] if arguments.map else []
        options += ["--languages", language, "--output", targets / language]
        skd("label", corpus, "--teachers", f"hf:{name}", *options)
    student = arguments.work / "student"
    settings = [f"--paths.corpus={corpus}", f"--paths.targets={targets}"]
    settings += [f"--training.max_steps={arguments.steps}"]
    settings += [f"--training.eval_frequency={max(1, arguments.steps // 10)}"]
    skd("train", CONFIG, "--output", student, *settings)
    skd("evaluate", f"student={student}/model-best", "--corpus", corpus, "--split", "dev")


def skd(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "spacy", "skd", *map(str, words)], check=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # the command has said why
