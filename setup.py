"""Only what setup.cfg cannot say: the optional Cython extension of the CRF kernels."""

from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCE = "spacy_skd/crf/native.pyx"

extensions = []
if Path(SOURCE).exists():
    extensions = cythonize(
        [
            Extension(
                "spacy_skd.crf.native",
                [SOURCE],
                include_dirs=[numpy.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=["-O3"],
                # Without a compiler the numpy reference does the same work, only slower.
                optional=True,
            )
        ],
        language_level=3,
    )

setup(ext_modules=extensions)
