"""Write a config with crf_ner wherever another has spaCy's ner, on the same tok2vec."""

import argparse
import sys
from pathlib import Path

from thinc.api import Config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="A training config with spaCy's ner")
    parser.add_argument("output", type=Path, help="Where the new one is written")
    arguments = parser.parse_args()
    config = Config().from_disk(arguments.config, interpolate=False)
    swapped = swap(config)
    if not swapped:
        parser.error(f"{arguments.config} has no component of the factory 'ner'")
    config.to_disk(arguments.output, interpolate=False)
    print(f"crf_ner in place of {', '.join(swapped)}: {arguments.output}")


def swap(config: Config) -> "list[str]":
    """Changes the config; gives the names of the components that were spaCy's."""
    swapped = [name for name, of in config["components"].items() if of.get("factory") == "ner"]
    for name in swapped:
        if "tok2vec" not in config["components"][name].get("model", {}):
            sys.exit(f"{name} names no tok2vec: complete the config, spacy init fill-config does")
        tok2vec = config["components"][name]["model"]["tok2vec"]
        model = {"@architectures": "spacy-skd.CRFTagger.v1", "tok2vec": tok2vec}
        config["components"][name] = {"factory": "crf_ner", "model": model}
    return swapped


if __name__ == "__main__":
    main()
