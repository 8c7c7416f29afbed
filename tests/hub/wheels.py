"""Small wheels of pipelines, as `spacy package` builds them."""

import base64
import hashlib
import zipfile

import spacy
import srsly

META = {
    "name": "skd",
    "version": "1.0",
    "description": "Names | *in* <b>two</b> languages",
    "author": "Ada & Ben",
    "url": "https://example.org/x",
    "license": "CC BY-SA 4.0",
    "languages": ["de", "pt-BR"],
    "distilled": True,
    "sources": [{"name": "Gold | news", "license": "CC BY 4.0", "url": "javascript:alert(1)"}],
}


def make_wheel(folder, name=None, labels=("LOC", "PER"), component="ner", **meta):
    """The wheel xx_skd, in a folder, of a pipeline that is initialized and not trained."""
    nlp = spacy.blank("xx")
    ner = nlp.add_pipe("crf_ner", name=component, config={"model": SMALL})
    for label in labels:
        ner.add_label(label)
    nlp.initialize()
    pipeline = folder / "pipeline"
    nlp.to_disk(pipeline)
    path = pipeline / "meta.json"
    srsly.write_json(path, {**srsly.read_json(path), **META, **meta})
    version = meta.get("version", META["version"])
    root, info = f"xx_skd/xx_skd-{version}", f"xx_skd-{version}.dist-info"
    files = {
        f"{root}/{p.relative_to(pipeline)}": p.read_bytes()
        for p in pipeline.rglob("*")
        if p.is_file()
    }
    files["xx_skd/meta.json"] = path.read_bytes()
    files["xx_skd/__init__.py"] = INIT
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: xx_skd\nVersion: {version}\n".encode()
    )
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [f"{name},sha256={digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]).encode()
    wheel = folder / (name or f"xx_skd-{version}-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        for file_name, content in files.items():
            archive.writestr(file_name, content)
    return wheel


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


INIT = b"""from pathlib import Path
from spacy.util import load_model_from_init_py


def load(**overrides):
    return load_model_from_init_py(__file__, **overrides)
"""
SMALL = {
    "@architectures": "spacy-skd.CRFTagger.v1",
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 8,
        "depth": 1,
        "embed_size": 20,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
    },
}
SCORES = {"ents_f": 0.5, "ents_p": 0.25, "ents_r": 1.0}
COUNTS = {"sentences": 1, "words": 2, "seconds": 3.0, "words_per_second": 12345.6}


def evaluation(path, names=("teachers", "student"), languages=("de", "pt-BR"), **scores):
    """What `skd evaluate --output` writes; the first pipeline lacks the last language."""
    pipelines = {
        name: {
            "source": name,
            "languages": {
                language: {**SCORES, **COUNTS, **scores}
                for language in (languages[:-1] if name == names[0] else languages)
            },
            "average": {**SCORES, **COUNTS, **scores},
        }
        for name in names
    }
    report = {"corpus": "/home/ada/corpus", "split": "test", "languages": [*languages]}
    srsly.write_json(path, {**report, "pipelines": pipelines})
    return path
