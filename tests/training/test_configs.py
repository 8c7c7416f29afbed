"""What a training config leads to, and what is wrong with it, before anything is trained."""

import shutil
from pathlib import Path

import pytest
from thinc.api import Config

from spacy_skd.errors import SkdError
from spacy_skd.training.configs import (
    check_config,
    describe_inputs,
    import_code,
    input_settings,
    one_line,
    own_log,
    read_config,
    settings_checksum,
)

from ..cli.conftest import config, corpus  # noqa: F401


def test_settings_that_name_something_to_read():
    raw = {
        "paths": {"lexicon": "de", "unused": "a/b"},
        "nlp": {"lang": "de"},
        "components": {"ner": {"source": "de_pipeline"}, "lex": {"words": "${paths.lexicon}"}},
        "corpora": {"dev": {"@readers": "spacy-skd.MultilingualCorpus.v1", "path": "corpus"}},
        "training": {"logger": {"output_file": "a/log"}, "batcher": {"table": "tables/x"}},
        "initialize": {"vectors": "de", "lookups": None},
    }
    settings = dict(input_settings(raw, Config(raw).interpolate()))
    assert settings == {
        "components.ner.source": "de_pipeline",
        "components.lex.words": "de",
        "training.batcher.table": "tables/x",
        "initialize.vectors": "de",
    }


def test_texts_that_are_no_paths_are_not_read():
    pattern = f"https?://{300 * 'x'}"
    lexer = {"separator": "/", "pattern": pattern, "name": pattern, "odd": "a/\0"}
    settings = {
        "paths": {"pattern": pattern},
        "nlp": {"lexer": lexer, "source": pattern, "vectors": "", "also": "${paths.pattern}"},
    }
    assert set(describe_inputs(Config(settings))) == {"config"}


def test_files_that_are_named_in_a_list_count(tmp_path):
    names = [str(tmp_path / name) for name in ("first", "second")]
    settings = Config({"corpora": {"train": {"files": names, "lists": [names], "ids": [1]}}})
    for name in names:
        Path(name).write_text("1", encoding="utf-8")
    seen = [describe_inputs(settings)]
    for name in names:
        Path(name).write_text("2", encoding="utf-8")
        seen.append(describe_inputs(settings))
    assert seen[0] != seen[1] != seen[2] != seen[0]


def test_a_path_that_nothing_uses_does_not_count(tmp_path):
    """The project names what only some configs read: there before one run, and after another."""
    settings = {
        "paths": {"base": "a", "corpus": "${paths.base}/x", "init": str(tmp_path / "model")},
        "corpora": {"train": {"path": "${paths.corpus}"}},
    }
    before = settings_checksum(Config(settings))
    (tmp_path / "model").mkdir()
    assert settings_checksum(Config(settings)) == before
    for name in ("base", "corpus"):
        other = Config(settings)
        other["paths"][name] = "another"
        assert settings_checksum(other) != before
    settings["initialize"] = {"init": "${paths.init}"}
    assert settings_checksum(Config(settings)) != before


def test_a_path_that_the_logger_writes_does_not_count(tmp_path):
    log = tmp_path / "log.jsonl"
    settings = Config(
        {
            "paths": {"log": str(log)},
            "training": {"logger": {"@loggers": "x", "output_file": "${paths.log}"}},
        }
    )
    before = settings_checksum(settings)
    log.write_text("written by the training", encoding="utf-8")
    assert settings_checksum(settings) == before


@pytest.mark.parametrize("splits, names", [(None, ["train", "dev"]), (["dev"], ["dev"])])
def test_a_tokenizer_depends_on_the_sentences_that_it_learns_from(corpus, splits, names):  # noqa: F811
    reader = {"@readers": "spacy-skd.Sentences.v1", "path": str(corpus)}
    reader.update({} if splits is None else {"splits": splits})
    settings = Config({"initialize": {"tokenizer": {"sentences": reader}}})
    before = describe_inputs(settings)
    where = "initialize.tokenizer.sentences"
    files = {f"{where}: {lang}/{name}.spacy" for lang in ("de", "en") for name in names}
    assert before.keys() == {"config", *files}
    shutil.copy(corpus / "de" / "dev.spacy", corpus / "de" / "test.spacy")
    assert describe_inputs(settings) == before


def test_an_installed_pipeline_counts_by_its_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Config({"initialize": {"vectors": "spacy", "lookups": "no_such_package"}})
    inputs = describe_inputs(settings)
    assert inputs["initialize.vectors"].startswith("version 3.")
    assert inputs.keys() == {"config", "initialize.vectors"}


@pytest.mark.parametrize(
    "name, value, part",
    [
        ("training.max_steps", "many", "max_steps"),
        ("components.ner.factory", "no_such", "no_such"),
        ("training.optimizer.@optimizers", "no_such.v1", "no_such.v1"),
        ("corpora.train.alpha", -1, "alpha"),
        ("training.dev_corpus", "corpora.nowhere", "nowhere"),
        ("nlp.pipeline", ["no_such"], "no_such"),
        ("initialize.vectors", 3, "vectors"),
    ],
)
def test_what_cannot_be_built_is_one_line(config, name, value, part):  # noqa: F811
    settings = read_config(config, {name: value})
    with pytest.raises(SkdError) as error:
        check_config(settings, config, None)
    assert part in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["[nlp\nlang = 1", "no section", "[a]\nb = ${c.d}", "[a]\nb = 1\nb = 2", "\0", "[a]\n[a]"],
)
def test_what_is_no_config_is_one_line(tmp_path, text):
    path = tmp_path / "config.cfg"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SkdError, match="SKD131") as error:
        read_config(path, {})
    assert "\n" not in str(error.value)
    path.write_bytes(b"[a]\nb = \xff")
    with pytest.raises(SkdError, match="SKD131"):
        read_config(path, {})


@pytest.mark.parametrize("name", ["training.max_stepz", "nlp.batchsize", "initialize.vector"])
def test_a_setting_that_spacy_does_not_know(config, name):  # noqa: F811
    settings = read_config(config, {name: 4})
    with pytest.raises(SkdError, match=rf"SKD147.*{name}"):
        check_config(settings, config, None)


@pytest.mark.parametrize(
    "name", ["system.sed", "paths.target", "distillation.objectiv", "distillation.more.k"]
)
def test_a_variable_that_nothing_reads(tmp_path, name):
    path = tmp_path / "config.cfg"
    variables = "[paths]\nx = null\n[system]\n[distillation]\nk = 1\n[distillation.more]\n"
    path.write_text(f"{variables}[training]\nseed = ${{distillation.late}}", encoding="utf-8")
    late = {"distillation.late": 1}
    with pytest.raises(SkdError, match=rf"SKD147.*{name}"):
        read_config(path, {**late, name: 2})
    for read in ("paths.x", "paths.init", "system.seed", "distillation.k"):
        assert read_config(path, {**late, read: 2}).interpolate()["training"] == {"seed": 1}


def test_our_own_errors_stay_as_they_are(config):  # noqa: F811
    settings = read_config(config, {"corpora.train.limit": -1})
    with pytest.raises(SkdError, match="limit") as error:
        check_config(settings, config, None)
    assert "SKD131" not in str(error.value)


def test_code_that_cannot_be_imported(tmp_path):
    path = tmp_path / "code.py"
    for text in ("import no_such_module", "1 +", "raise SystemError('no')"):
        path.write_text(text)
        with pytest.raises(SkdError, match=r"SKD138.*code\.py") as error:
            import_code(path)
        assert "\n" not in str(error.value)
    with pytest.raises(SkdError, match="SKD138"):
        import_code(Path("nowhere.py"))


def test_one_line():
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(KeyError("a")) == "KeyError: 'a'"


def test_a_log_of_its_own():
    """Wherever a logger that is put together of others says it, and whatever it is taken from."""
    logger = {
        "@loggers": "spacy.ChainLogger.v1",
        "logger1": {"@loggers": "spacy.ConsoleLogger.v3", "output_file": "${paths.log}"},
        "logger2": {"@loggers": "x", "output_file": None, "project": "a/output_file"},
        "output_file": "a.b/log",
    }
    settings = Config({"paths": {"log": "logs/a.jsonl"}, "training": {"logger": logger}})
    assert own_log(settings, "de.fold-1-of-2") == {
        "training.logger.logger1.output_file": "logs/a.de.fold-1-of-2.jsonl",
        "training.logger.output_file": "a.b/log.de.fold-1-of-2",
    }
    assert own_log(Config({"training": {"logger": {"output_file": ""}}}), "de") == {}
    assert own_log(Config({"training": {"logger": None}}), "de") == {}
    assert own_log(Config({}), "de") == {}
