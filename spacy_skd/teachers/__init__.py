"""What can teach, behind one protocol: documents in, emission scores out (`protocol.py`).

`pipelines.py`: spaCy pipelines with a CRF component. `token_classifiers.py`: those of Hugging Face,
whose labels `labels.py` reads. Who asks a teacher knows none of them by name, only `find.py`.
"""

from .find import find_teachers
from .labels import ClassifierSettings
from .protocol import FindTeachers, Scorer, Source

__all__ = ["ClassifierSettings", "FindTeachers", "Scorer", "Source", "find_teachers"]
