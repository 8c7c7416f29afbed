"""Every message a user can see, with its code. One block of codes a room of the house."""

from click import ClickException

# As much of a value as a message shows.
LONGEST_VALUE = 400


class SkdError(ClickException, ValueError):
    """What a user did or has cannot work; the message says what, where and what to do.

    It is a `ValueError` for those who call the package from Python, and a `ClickException` so that
    every spaCy command (`spacy train` as well as our own) prints it as one line and exits with 1.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str, keep: str = "") -> str:
    """One line that is safe to show: what a file or an option brings may hold line ends, escape
    sequences of a terminal, reversed writing, or half a character, each shown by its number.

    keep (str): Characters to leave as they are nevertheless.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text
    )


class Template(str):
    """A message whose values are shortened where they are long, a token of a megabyte for one."""

    def format(self, *args: object, **values: object) -> str:
        return super().format(*args, **{name: shorten(value) for name, value in values.items()})


def shorten(value: object) -> object:
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[: LONGEST_VALUE // 2]} ... {text[-LONGEST_VALUE // 2 :]}"


class ErrorsWithCodes(type):
    def __getattribute__(self, code: str) -> str:
        message = super().__getattribute__(code)
        if code.startswith("__"):
            return message
        return Template(f"[{code}] {message}")


class Errors(metaclass=ErrorsWithCodes):
    """Templates, filled with `.format(...)` where they are raised as `SkdError`."""

    # fmt: off
    # 001-019: crf/
    SKD001 = "{name} has the shape {shape}; it must be ({expected})."
    SKD002 = (
        "The lengths of the chains must be whole numbers from 0 up that sum to {n}, the number of tokens "
        "in unary."
    )
    SKD003 = (
        "{name} holds {value} at {where}. Potentials must be numbers, or -inf for what is forbidden: "
        "check the scores of the model."
    )
    SKD004 = (
        "Chain {chain} of the batch (length {length}) has no legal label sequence: every one meets a "
        "potential of -inf. Allow more labels or transitions."
    )
    SKD005 = "The tag of token {token} is {tag}; it must be an index of one of the {n} labels."
    SKD006 = "k is {value}; it must be at least 1."
    SKD007 = "The temperature is {value}; it must be a number above 0."
    SKD008 = "To mix moments with a weight a chain, give the lengths of the chains."
    SKD009 = "A chain's loss has the weight {value}; weights must be numbers from 0 up."
    SKD010 = (
        "The target of chain {chain} of the batch (length {length}) has mass on what the potentials "
        "forbid, so its loss is infinite. Repair the target or drop this mass."
    )
    SKD011 = "The potentials are for no label: unary must have at least one column."
    SKD012 = "The target of chain {chain} of the batch (length {length}) holds NaN. Check the teacher."
    SKD013 = (
        "Sparse transitions of the shape {shape} need three arrays of one size: chains and pairs (from "
        "* L + to) within the shape, and counts."
    )

    # 020-039: schemes, objectives, models, training
    SKD020 = "Unknown tag scheme '{name}'. Use one of: {names}."
    SKD021 = "Unknown distillation objective '{name}'. Use one of: {names}."
    SKD023 = (
        "The teacher predicts tags that the student lacks: {tags}. Initialize the student with the "
        "labels of all teachers, add them to it (add_label), or train the teacher again without them."
    )
    SKD024 = (
        "A teacher with tag scheme '{teacher}' cannot teach a student with scheme '{student}'. Use a "
        "teacher for the same task."
    )
    SKD029 = "{name} is {value}; it must be {expected}."
    SKD030 = (
        "The distillation of component '{name}' is {value}; it must be null, or a block with @misc = "
        '"spacy-skd.Distillation.v1".'
    )
    SKD031 = "The scheme of component '{name}' is '{value}'; for entities it must be one of: {names}."
    SKD032 = "The schedule of kd_weight gives no number at step {step}: {reason}."

    SKD033 = (
        "nO of spacy-skd.CRFTagger.v1 is {declared}, but the labels of the component give {found} tags. "
        "Set nO = null."
    )
    SKD034 = (
        "width of spacy-skd.SentenceContext.v1 is {width}, but the vectors of its embedding layer have "
        "{embed} dimensions. Give both the same width."
    )

    SKD035 = "split of spacy-skd.MultilingualCorpus.v1 is '{value}'; it must be the name of a split."
    SKD036 = (
        "'{name}' is no feature for spacy-skd.MultiHashEmbed.v1: attrs has names of spaCy's attributes, such "
        "as NORM, and of affixes with so many characters, such as PREFIX2 and SUFFIX4."
    )

    # 040-059: pipeline/
    SKD040 = (
        "Component '{name}' found no label in the training data. Check that the corpus is annotated "
        "for this task, or pass labels in [initialize.components.{name}]."
    )
    SKD041 = (
        "Component '{name}' does not know the gold tags {tags}, first in '{text}'. Initialize it with "
        "all labels of the training data, or add labels to a trained one: nlp.get_pipe('{name}')"
        ".add_label(...)."
    )
    SKD042 = (
        "Component '{name}' got scores that are not finite numbers at step {step}. Lower the learning "
        "rate or check the vectors of the encoder."
    )
    SKD044 = "Component '{name}' can only learn from a crf_ner or crf_tagger component, not {type}."
    SKD045 = (
        "Teacher and student disagree about the tokens of '{text}'. Give both the same tokens, or run "
        "`python -m spacy skd label` again for the corpus that is trained on."
    )
    SKD046 = "The attribute of component '{name}' is '{value}'; it must be 'tag' or 'pos'."
    SKD047 = (
        "Component '{name}' sets token.pos_, which cannot be '{label}'. Use a Universal POS tag, or "
        "attribute = 'tag'."
    )
    SKD049 = (
        "Component '{name}' listens to an encoder ({type}) that has not run on '{text}', so its scores "
        "would mean nothing. Run the whole pipeline; to distil, use spacy_skd.distill."
    )
    SKD050 = (
        "Component '{name}' was trained with {key} = {saved!r} ('{path}'), and the config says {given!r}. "
        "Load it with the setting that it was trained with, or train it again."
    )
    SKD051 = (
        "Component '{name}' has {labels} labels, which make {tags} tags, but its model has scores for "
        "{size}. Set nO = null in [components.{name}.model], and load cfg and model of one training."
    )
    SKD052 = (
        "Component '{name}' cannot be loaded from '{path}': {reason}. The file is damaged or of another "
        "model: train or install the pipeline again."
    )
    SKD053 = (
        "Component '{name}' cannot rehearse: it listens to an encoder, whose earlier state is not kept. "
        "Give it an encoder of its own before: nlp.replace_listeners(encoder, '{name}', "
        "['model.tok2vec'])."
    )
    SKD054 = (
        "Component '{name}' has nobody to learn from: the teacher has no component of that name that is "
        "enabled, only {names}. Name one with student_to_teacher, or leave it out with exclude."
    )
    SKD055 = "The student has no component crf_ner or crf_tagger to distil into, only {names}."
    SKD057 = (
        "Component '{name}' learns from the tags that each token may have, in doc.spans['{key}'], but "
        "'{text}' there is a span of several tokens. Give one span for each token and tag."
    )
    SKD056 = "n is {n} and seed is {seed}; n must be at least 1, and seed a whole number from 0 up."

    # 150-169: encoders/, teachers/
    SKD150 = (
        "No encoder is named: give a Hugging Face folder or a name of the Hub by `--paths.encoder`."
    )
    SKD151 = (
        "The encoder '{name}' cannot be opened ({reason}). Give a folder with config.json, weights and "
        "tokenizer.json, or check the name and the network."
    )
    SKD152 = "'{name}' does not fit {type}: {reason}. Use a model of another kind."
    SKD153 = "The encoder '{name}' has {layers} layers, not {depth}: choose others in the config."
    SKD154 = (
        "'{name}' has no fast tokenizer ({reason}). Use a model with a tokenizer.json, or save one into "
        "its folder."
    )
    SKD155 = "This needs torch and transformers: install them with `pip install spacy-skd[transformers]`."
    SKD156 = "The features of the encoder cannot be kept in '{path}' ({reason}). Remove the file or choose another folder."
    SKD157 = "pooling is '{pooling}'; it must be 'first' or 'mean'."
    SKD158 = "layers is {layers}; it must be a list of at least one number from 0 up."
    SKD159 = (
        "'{path}' holds no component '{name}' to start from: give a pipeline that was trained with the "
        "same components, in a config by `--paths.init`."
    )
    SKD160 = (
        "'{path}' is no token classifier, for which --map, --pooling and --scheme are: leave them out, or "
        "name one as hf:NAME_OR_FOLDER."
    )
    SKD161 = "--map names '{name}', which is no label of '{source}'. Its labels are: {labels}."
    SKD162 = (
        "'{source}' has labels of spans, but also {names}, which are none of O, B-LABEL, I-LABEL and the "
        "like. Drop them with --map, as in --map NAME=."
    )
    SKD163 = "'{source}' has no label left to teach. Let --map keep some."
    SKD164 = "The labels of '{source}' have the positions {positions}, which are not of {scheme}. Leave out --scheme."
    SKD165 = (
        "'{source}' begins {number} of {total} spans with I: its labels are IOB1, or IOB2 that it knows badly. Say "
        "which: --scheme IOB1 or --scheme IOB2, or scheme in [teachers] of a comparison."
    )
    SKD166 = (
        "The labels of the teacher ({labels}) and of the corpus ({known}) have none in common. Use a teacher for the "
        "same task, or rename its labels with --map, as in --map PERSON=PER, or --map LABEL_0=O,LABEL_1=B-PER where "
        "they do not say what they mean."
    )
    SKD167 = (
        "The teacher knows labels that the corpus lacks: {labels}. Rename or drop them with --map, as in "
        "--map {example}=, or keep them for a student that has them with --map {example}={example}."
    )
    SKD168 = "--map is '{value}'; it must be comma-separated pairs such as PERSON=PER,GPE=LOC,MISC=."
    SKD169 = "'{path}' is no pipeline of spaCy's but a model of Hugging Face: name it as hf:{path}."

    # 060-079: targets
    SKD060 = (
        "'{path}' holds no soft targets: make them with `python -m spacy skd label`, or check the "
        "path."
    )
    SKD061 = (
        "The targets in '{path}' were made from other sentences; this one is not among them: "
        "\"{sentence}\" ({lang}). Run `python -m spacy skd label` for this corpus."
    )
    SKD062 = (
        "The targets in '{path}' were made with another tokenisation of \"{sentence}\" ({lang}). Run "
        "`python -m spacy skd label` for this corpus."
    )
    SKD063 = (
        "The teacher '{teacher}' has been retrained since it made the targets in '{path}'. Run "
        "`python -m spacy skd label` again."
    )
    SKD064 = (
        "Target shard '{path}' is truncated or altered ({reason}). Run `python -m spacy skd label` "
        "again; it replaces damaged targets."
    )
    SKD065 = (
        "'{path}' cannot be read ({reason}). Run `python -m spacy skd label` again; it replaces "
        "damaged targets."
    )
    SKD066 = (
        "'{path}' holds '{found}', which is not of soft targets: choose another folder, or move it away."
    )
    SKD067 = (
        "The targets in '{path}' have format version {version}, and this spacy-skd reads version "
        "{known}. Run `python -m spacy skd label` again."
    )
    SKD068 = (
        "No teacher for language '{lang}' in '{path}': train it with `python -m spacy skd teachers`, "
        "or name the languages to label with --languages. A token classifier of Hugging Face is named as "
        "hf:NAME_OR_FOLDER."
    )
    SKD069 = (
        "The teacher '{path}' has {number} components crf_ner or crf_tagger, or without them tagger or "
        "morphologizer with parts of speech; it must have one. Use a pipeline that was trained as a teacher."
    )
    SKD071 = (
        "The teacher '{teacher}' gives scores that are not finite numbers for {what}. Train it again."
    )
    SKD072 = (
        "The targets in '{path}' are for other languages ({languages}) than the corpus '{corpus}'. Run "
        "`python -m spacy skd label` for this corpus."
    )
    SKD073 = "Targets cannot be stored as '{dtype}'. Use one of: {known}."
    SKD074 = "Soft targets need pyarrow and xxhash: install them with `pip install spacy-skd[train]`."
    SKD075 = "The corpus reader has no path: set paths.corpus, e.g. `--paths.corpus corpus`."
    SKD076 = (
        "Language '{lang}' has no labelled sentences, so that only what '{path}' says of its unlabelled "
        "text can teach it: set unlabelled_ratio above 0, and have a teacher label that text."
    )
    SKD077 = (
        "Language '{lang}' has no '{path}': convert it, or name the languages to use (paths.languages "
        "in a config, --languages of a command)."
    )
    SKD078 = "'{path}' is no .spacy file, or it is truncated: make it with `python -m spacy skd convert`."
    SKD079 = (
        "Unlabelled documents teach nothing without soft targets: set paths.targets, or "
        "unlabelled_ratio = 0, for the corpus reader."
    )

    # 180-189: targets, where they are written or replaced while others read
    SKD180 = (
        "The targets in '{path}' are not complete: `python -m spacy skd label` is still writing them, or "
        "was interrupted. Let it finish, or run it again; or remove '{path}.partial'."
    )
    SKD181 = (
        "'{path}' {reason}; it was otherwise when the corpus was converted. Run `python -m spacy skd "
        "convert` again or, if you changed the corpus yourself, remove '{manifest}'."
    )
    SKD182 = (
        "Target shard '{path}' was replaced or altered while it was read. Let `python -m spacy skd "
        "label` finish, then start again."
    )
    SKD183 = (
        "'{path}' is a symbolic link, which is not followed for soft targets. Give the folder that it "
        "points to, or put the targets themselves there."
    )
    SKD185 = (
        "'{path}' is damaged ({reason}). Run `python -m spacy skd convert` again or, if you changed the "
        "corpus yourself, remove it."
    )
    SKD184 = (
        "The targets in '{path}' are being replaced again and again. Let `python -m spacy skd label` "
        "finish, then start again."
    )

    SKD186 = (
        "'{path}' was replaced or removed while a training read it. Let `python -m spacy skd convert` "
        "finish, then start the training again."
    )
    SKD187 = (
        "Corpus or teacher of '{path}' was changed while it was labelled. Run `python -m spacy skd label` again."
    )

    # 080-119: corpora/
    SKD080 = (
        "There is no file or folder {path}. Give a folder with <language>/train.<extension>, or a file."
    )
    SKD081 = (
        "Folder {path} holds no language. Expected are <language>/train.<extension>, dev and test, and "
        "<language>/unlabelled.txt."
    )
    SKD082 = (
        "Language '{lang}' has no file train.<extension> in {path}. Add it, or unlabelled.txt where a "
        "teacher of other languages is to label it; convert languages for evaluation only from a folder "
        "of their own."
    )
    SKD083 = (
        "'{lang}' is no language code. Use letters, digits, - and _, beginning with a letter, such as de "
        "or pt-BR, at most 64 characters."
    )
    SKD084 = "{path} has several files for split {split}: {names}. Keep one of them."
    SKD085 = "{path} is a single file: say what it holds with --lang and --split ({splits})."
    SKD086 = "Unknown format '{format}'. Use one of: {names}."
    SKD087 = "{path} looks like no known format. Check the file or name its format: {names}."
    SKD088 = "{path} is empty: it holds no sentence. Check the file."
    SKD089 = (
        "{path}:{line}: not encoded in {encoding}. Name the encoding of the file, for example "
        "--encoding latin-1, or cp1252 for files of Windows."
    )
    SKD090 = "Unknown encoding '{encoding}'. Use one that Python knows, such as utf-8 or latin-1."
    SKD091 = (
        "{path}:{line}: {expected} columns expected, {found} found. Repair the line, or name the format "
        "of the file with --format."
    )
    SKD092 = (
        "{path}:{line}: tag '{tag}' is none of O, B, I, B-TYPE, I-TYPE, or - for no annotation. Repair "
        "the line, or name the format of the file with --format."
    )
    SKD093 = "{path}:{line}: the token is empty. Repair the line."
    SKD094 = "{path}:{line}: not CoNLL-U: {reason}. Repair the line."
    SKD095 = "{path}:{line}: '{tag}' is not a universal part of speech (column UPOS). Repair the line."
    SKD096 = (
        "{path}:{line}: token '{token}' lacks the language prefix '{lang}:'. Repair the line, put the file "
        "into the folder of its language, or use --format conll if tokens have no prefix."
    )
    SKD097 = "{path}:{line}: XML that cannot be parsed: {reason}. Repair the file."
    SKD098 = "{path} is XML without any <sentence>, not SemEval-2016. Check the file."
    SKD099 = (
        "{path}:{line}: offsets {start} to {end} of target '{target}' do not fit a text of {length} "
        "characters. Repair the offsets."
    )
    SKD100 = "spaCy's tokenizer for '{lang}' cannot be loaded: {reason}"
    SKD101 = (
        "{path} holds '{found}', which is not part of a converted corpus, and would be replaced. Give "
        "another output folder, or empty this one."
    )
    SKD102 = "The output {output} lies in the input {input}. Give an output folder outside of it."
    SKD103 = "--dev-fraction is {value}; it must be at least 0 and below 1."
    SKD104 = (
        "Language '{lang}' has no dev file and too few sentences in train to draw one ({total}). Add a "
        "dev file, or use --dev-fraction 0."
    )
    SKD248 = (
        "All {total} sentences of train of language '{lang}' are in dev or test as well. Convert it "
        "without --drop-duplicates, or give it another train file."
    )
    SKD105 = (
        "{path}:{line}: a tab in plain text. Unlabelled files have one sentence a line, tokens separated "
        "by spaces, and no labels."
    )
    SKD106 = "--tag is '{value}'; it must be upos or xpos."
    SKD107 = "{path} cannot be read or written: {reason}."
    SKD108 = "{path} is split {split}, for which plain text has no labels. Use --split unlabelled."
    SKD109 = "--type is '{value}'; it must be a name such as TARGET, without spaces."
    SKD110 = "{path} is a folder: --lang and --split are for a single file. Leave them out."
    SKD111 = (
        "{path} is {kind}, not text. Unpack it, or write what it holds as text: docs/own-data.md shows how for "
        "a dataset of Hugging Face."
    )
    SKD112 = (
        "{path} is a dataset of Hugging Face as save_to_disk leaves it, not text. Write its splits as "
        "<language>/train.iob2 and so on: docs/own-data.md shows how, with load_from_disk."
    )
    SKD190 = (
        "{path}:{line}: not encoded in {encoding}, as its XML declaration says (UTF-8 where it says "
        "nothing). Correct the declaration."
    )
    SKD191 = (
        "The XML declaration of {path} names the encoding '{encoding}', which Python does not know. "
        "Correct it."
    )
    SKD192 = "The languages {names} of {path} differ in case alone. Rename one, or join them."
    SKD193 = "{path} is a symbolic link to nothing, or to itself. Mend or remove it."
    SKD194 = (
        "{path} is a symbolic link out of the corpus, to {target}. Use --follow-links if this is what "
        "you want."
    )
    SKD195 = "{path} is no file that can be read as one, but a pipe, a device or a socket. Copy it."
    SKD196 = "The output {path} is a symbolic link. Give the folder that it leads to."
    SKD197 = "The output {path} is the folder that you are in, or holds it. Give another one."
    SKD198 = "The input {input} lies in the output {output}, which would be replaced. Give another one."
    SKD119 = "CoNLL-U needs the package conllu: install it with `pip install spacy-skd[train]`."

    # 120-149: cli/, evaluation/, hub
    SKD120 = "progress_bar of spacy-skd.LanguageLogger.v1 is '{value}': use null, 'train' or 'eval'."
    SKD121 = "Corpus folder '{path}' does not exist: make it with `python -m spacy skd convert`."
    SKD122 = "Corpus folder '{path}' holds no language: expected files such as '{path}/en/train.spacy'."
    SKD123 = "Language '{lang}' has no {split}.spacy in '{path}': convert it, or choose others with --languages."
    SKD124 = "Config '{path}' does not exist: give --config a training config."
    SKD125 = "Pipeline '{name}': '{source}' is neither a folder nor an installed pipeline, nor hf:NAME_OR_FOLDER."
    SKD126 = "Pipeline '{source}' cannot be loaded: {reason}"
    SKD127 = "Pipeline '{source}' has no component that labels entities or tags, only {pipes}: nothing to evaluate."
    SKD128 = "Two pipelines have the same name ({names}): name them apart with NAME=PATH."
    SKD129 = "No teacher for {languages}: see the error above and run again; finished ones in '{output}' are kept."

    # 130-149: locks, training/ runs, package
    SKD130 = (
        "'{path}' is being written by another process ({holder}). Wait until it has ended, or give "
        "another output."
    )
    SKD131 = "Config '{path}' cannot be used: {reason}"
    SKD132 = "The output '{path}' is {what}; it must be a folder, or not be there yet."
    SKD133 = (
        "'{path}' holds '{name}', which this command has not made, and would be replaced. Move it away, or "
        "give another output."
    )
    SKD134 = "The training into '{output}' failed: {reason}"
    SKD135 = "{command}: {reason}. Check the path, its permissions and the space that is left."
    SKD136 = "There is not enough memory. Use smaller batches or fewer jobs, or a machine with more."
    SKD137 = "--gpu-id {gpu_id} cannot be used: {reason}. Leave it out to use the CPU."
    SKD138 = "The code in '{path}' cannot be imported: {reason}"
    SKD139 = (
        "Pipeline '{path}' is not as its training left it: {reason}. Train it again, which replaces it."
    )
    SKD140 = "'{path}' cannot be written: {reason}. Give another output."
    SKD141 = "--version is '{version}'; it must be a version such as 1.0.2 or 2.0rc1 (PEP 440)."
    SKD142 = "--name is '{name}'; it must be of letters a to z, digits and single underscores, such as skd."
    SKD143 = "'{path}' is no pipeline: give a folder that a training has written, such as model-best."
    SKD144 = "Building a wheel needs the package build: install it with `pip install spacy-skd[train]`."
    SKD145 = "The wheel could not be built: {reason}"
    SKD146 = "--baseline '{baseline}' and --output '{output}' are one folder, or one is in the other: give two."
    SKD147 = "Nothing in config '{path}' reads '{name}'. [{section}] has {known}: check the name."
    SKD148 = (
        "--run is '{run}', so that the package would be called '{name}', which must be of letters a to z, digits "
        "and single underscores: give another, such as _first."
    )

    # 220-229: unlabelled text, folds, seeds
    SKD220 = "The unlabelled text in '{path}' holds no sentence: convert it again, or remove it."
    SKD221 = (
        "{folds} folds of {sentences} different training sentences ({lang}): there must be at least "
        "one for each. Ask for fewer folds."
    )
    SKD222 = (
        "Folds need a config whose training corpus, [{block}] in {path}, is read by {reader}."
    )
    SKD223 = "Seed {seed} is given twice: two teachers would be the same. Give different seeds."
    SKD224 = (
        "Language '{lang}' has no labelled sentences to train a teacher of its own with: train one teacher "
        "of all languages (--kind multilingual; in the project --vars.teachers multilingual), or name the "
        "languages that are to have one with --languages."
    )
    SKD225 = (
        "No teacher of '{lang}' in '{path}' was trained without fold {fold}, and no other may be asked for the "
        "sentences of that fold. Run `python -m spacy skd teachers` again: it trains what is missing."
    )

    # 230-249: evaluation/
    SKD230 = (
        "Two pipelines were evaluated on different sentences ({ours} and {theirs} by language); evaluate "
        "both on the same corpus."
    )
    SKD231 = "Comparison {path} cannot be used: {reason}."
    SKD233 = "The report needs {package}: install it with `pip install spacy-skd[report]`."
    SKD234 = (
        "{path} is no comparison ({reason}). Give the comparison.json of `python -m spacy skd compare`."
    )
    SKD249 = (
        "'{source}' can teach but not be measured: its labels are IOB1 with B. Leave its row out, or use "
        "another classifier."
    )
    SKD235 = (
        "Pipeline '{source}' has no component crf_ner or crf_tagger, only {pipes}: it has no confidences to "
        "calibrate."
    )
    SKD236 = (
        "Of what component '{name}' says {right} of {total} are right, so no temperature fits. Give "
        "annotated sentences, enough of them, that it was not trained on."
    )
    SKD237 = (
        "'{source}' is not scored by {metric}, only by {known}. Give the comparison a metric by which all "
        "rows and teachers are scored."
    )
    SKD238 = (
        "Language '{lang}' has nothing to find in {split} of '{corpus}' that {metric} could measure. Give it "
        "annotated sentences, or compare on a corpus without it."
    )
    SKD240 = "Task {path} cannot be used: {reason}."
    SKD241 = (
        "{url} cannot be fetched: {reason}. Check the address and the network and run it again, which "
        "keeps what is there; or give a folder with --from."
    )
    SKD242 = (
        "{origin} is another file than expected: its checksum is {found} and not {expected}. Get the "
        "right one, or put yours into a folder as <language>/<split>.<extension> and name it with --from."
    )
    SKD243 = (
        "{folder} has no {split} of language '{lang}'. Put it there as {names}, or name the languages "
        "to take with --languages."
    )
    SKD244 = (
        "The data of language '{lang}' must be brought: get it from {source} and name its folder with "
        "--from."
    )
    SKD245 = "Dataset {name} ({lang}, {split}) cannot be used: {reason}. Give another folder with --from."
    SKD246 = "The task '{task}' has no language '{lang}'; it has {known}. Bring it in a folder with --from."
    SKD247 = "Datasets of Hugging Face need the package datasets: install it with `pip install spacy-skd[train]`."
    SKD232 = (
        "Of the comparison {what} failed, '{name}': {reason}. Run it again; what is finished is kept."
    )

    # 170-179: vectors/, and the vectors of models
    SKD170 = (
        "'{path}' holds no word vectors ({reason}): make them with `python -m spacy skd vectors`, or "
        "check the path."
    )
    SKD171 = "{what} need the package {package}: install it with `pip install spacy-skd[{extra}]`."
    SKD172 = (
        "'{source}' is no encoder: {reason}. Give the folder of a Hugging Face encoder, or its name on "
        "the Hub."
    )
    SKD173 = "The encoder's '{path}' cannot be used: {reason}."
    SKD174 = "Encoder '{source}' has no {what}. {hint}"
    SKD175 = (
        "The embeddings of '{source}' have the shape {shape}, which contradicts its {file}: {expected}. "
        "Check the folder."
    )
    SKD176 = "--dims is {value}; it must be {range}."
    SKD177 = (
        "The model was trained with word vectors of {known} dimensions, and the vocabulary's have "
        "{found}. Load the vectors that it was trained with."
    )
    SKD178 = (
        "Vectors of floret are trained on the text of a corpus: name it with --corpus, or give an encoder "
        "in place of floret."
    )
    SKD179 = "--pieces is {value}; it must be 1 or more. Leave it out to keep what the corpus needs."

    # 250-259: tokenizers/, and what else an application meets
    SKD250 = (
        "[nlp.tokenizer] splits {script} by a segmenter that is not there: {reason} Those of "
        "spacy-skd[segmenters] can be installed with pip; or leave {script} out of its segmenters."
    )
    SKD251 = (
        "[nlp.tokenizer] has a segmenter of '{script}', which is no script without spaces; there are "
        "{names}."
    )
    SKD252 = (
        "The tokenizer in {path} cannot be loaded: {reason}. It is damaged or of another kind; train "
        "the pipeline again, or install its package again."
    )
    SKD253 = (
        "The special case '{string}' cannot be added: it needs a string without spaces, and of each of its "
        "tokens the ORTH alone, which together are the string. Set norms with an attribute_ruler."
    )
    SKD254 = (
        "The tokenizer in {path} is whole, but was saved by another version of spacy-skd than this one, {version} "
        "({reason}). Install the version that the pipeline was trained with, or train the pipeline again."
    )

    # 260-269: hub/, and viewer/
    SKD260 = (
        "'{path}' is no wheel of a pipeline ({reason}). Give the wheel or the folder that "
        "`python -m spacy skd package` has made."
    )
    SKD261 = (
        "'{path}' holds no scores of the pipeline ({reason}). Give what `python -m spacy skd evaluate "
        "--output` wrote."
    )
    SKD262 = "The page cannot be at port {port} of {host}: {reason}. Give another with --port or --host."
    SKD263 = (
        "The Hub needs a token that may write, and {reason}: log in with `hf auth login`, or set HF_TOKEN."
    )
    SKD264 = "The Hub cannot be reached: {reason}. Check the network; nothing was changed."
    SKD265 = (
        "The token may not write to {repo} ({reason}). Check the name after --repo, and that the token is "
        "one that may write there."
    )
    SKD266 = (
        "{repo} is public already, and --private does not change that: nothing was pushed. Make it private "
        "in its settings on the Hub, or give another name with --repo."
    )
    SKD267 = "--repo or --branch cannot be '{repo}': {reason}"
    SKD268 = "The Hub refused the push to {repo}: {reason}. Nothing was changed there."
    SKD269 = (
        "'{source}' does not say where data come from: give NAME, LICENCE, URL for each source, with ; "
        "between two sources."
    )

    # 270-279: work/
    SKD270 = "--ray needs Ray: install it with `pip install spacy-skd[ray]`."
    SKD271 = (
        "No Ray cluster can be used at '{address}' ({reason}). Give HOST:PORT of its head, `auto` on one of its "
        "machines, or `local` to use this machine alone; `ray start --head` starts one."
    )
    SKD272 = (
        "No machine of the cluster has the {cpus:g} CPUs and {gpus:g} GPUs that each task is to take; those "
        "there are have {found}. Change --cpus or --gpus, or add machines."
    )
    SKD273 = "The cluster cannot do its part of '{name}': {reason}"
    SKD274 = "{option} is for a cluster, and --ray does not name one."
    SKD275 = "--gpu-id is for this machine; with --ray, --gpus says how many GPUs each task takes."

    # 280-289: vectors/, where they are made of a corpus, or asked as a table
    SKD280 = (
        "The corpus '{path}' has {problem}, too little to make vectors of. Add to the text of its train "
        "or unlabelled split."
    )
    SKD281 = (
        "Subword vectors have no '{method}', because they are no table of words: any word has a vector. Ask "
        "for those of words that you name, by vectors[word] or vectors.get_batch(words)."
    )
    SKD282 = (
        "--contextual is about what an encoder says of the words of a corpus: name it with --corpus, and give "
        "an encoder in place of floret."
    )
    SKD283 = "--layer is {value}; it must be 1 or more, and goes with --contextual."
    # fmt: on


class Warnings(metaclass=ErrorsWithCodes):
    """Templates of what is worth saying but stops nothing; `warnings.warn(Warnings.W...)`."""

    # fmt: off
    W001 = (
        "The extension of spacy_skd.crf was not built, so numpy does its work: decoding and losses of a "
        "CRF take {factor} times as long. Install a C compiler and then spacy-skd again."
    )
    W060 = (
        "'{path}' has no targets of {languages}: learned from labelled sentences alone. With teachers, "
        "`python -m spacy skd label` makes what is missing."
    )
    W070 = "Subword vectors cannot be changed: the vector of this word is not added."
    # fmt: on
