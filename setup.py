"""Only what setup.cfg cannot say: the optional Cython extensions of the CRF kernels."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

# No product may be fused with a sum: results would depend on the machine.
FLAGS = [] if os.name == "nt" else ["-O3", "-ffp-contract=off"]


def kernels(name: str) -> Extension:
    return Extension(
        f"spacy_skd.crf.{name}",
        [f"spacy_skd/crf/{name}.pyx"],
        depends=["spacy_skd/crf/vectors.h", "spacy_skd/crf/vectors_loops.h"],
        extra_compile_args=FLAGS,
    )


extensions = cythonize([kernels("native"), kernels("decoding")], language_level=3)
for extension in extensions:
    # Without a compiler the numpy reference does the same work, only slower. To be said here, as
    # cythonize does not keep it.
    extension.optional = True

setup(ext_modules=extensions)
