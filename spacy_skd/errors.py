"""Every message a user can see, with its code. One block of codes a room of the house."""

from click import ClickException


class SkdError(ClickException, ValueError):
    """What a user did or has cannot work; the message says what, where and what to do.

    It is a `ValueError` for those who call the package from Python, and a `ClickException` so that
    every spaCy command (`spacy train` as well as our own) prints it as one line and exits with 1.
    """


class ErrorsWithCodes(type):
    def __getattribute__(self, code: str) -> str:
        message = super().__getattribute__(code)
        if code.startswith("__"):
            return message
        return f"[{code}] {message}"


class Errors(metaclass=ErrorsWithCodes):
    """Templates, filled with `.format(...)` where they are raised as `SkdError`."""

    # fmt: off
    # 001-019: crf/

    # 020-039: schemes, objectives, models, training
    SKD020 = "Unknown tag scheme '{name}'. Use one of: {names}."
    SKD021 = "Unknown distillation objective '{name}'. Use one of: {names}."
    SKD022 = "The weight of objective '{name}' is {value}; it must be a number above 0."
    SKD023 = (
        "The teacher predicts tags that the student lacks: {tags}. Initialize the student with the "
        "labels of all teachers, or train the teacher again without these labels."
    )
    SKD024 = (
        "A teacher with tag scheme '{teacher}' cannot teach a student with scheme '{student}'. Use a "
        "teacher for the same task."
    )
    SKD025 = "{name} is {value}; it must lie between 0 and 1."
    SKD026 = "The schedule of kd_weight has total_steps = {value}; it must be at least 1."
    SKD027 = "k of the distillation is {value}; it must be at least 1."
    SKD028 = "{name} of the distillation is {value}; it must be a number above 0."

    # 040-059: pipeline/
    SKD040 = (
        "Component '{name}' found no label in the training data. Check that the corpus is annotated "
        "for this task, or pass labels in [initialize.components.{name}]."
    )
    SKD041 = (
        "Component '{name}' does not know the gold tags {tags}, first in '{text}'. Initialize it with "
        "all labels of the training data."
    )
    SKD042 = (
        "Component '{name}' got scores that are not finite numbers at step {step}. Lower the learning "
        "rate or check the vectors of the encoder."
    )
    SKD043 = (
        "Component '{name}' has nothing to rehearse. Call nlp.resume_training() before nlp.rehearse()."
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

    # 060-079: targets

    # 080-119: corpora/

    # 120-149: cli/, evaluation/, hub
    SKD120 = "progress_bar of spacy-skd.LanguageLogger.v1 is {value!r}: use null, \"train\" or \"eval\"."
    # fmt: on


class Warnings(metaclass=ErrorsWithCodes):
    """Templates of what is worth saying but stops nothing; `warnings.warn(Warnings.W...)`."""

    # fmt: off
    # fmt: on
