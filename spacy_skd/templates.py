"""Templates of pages and cards: jinja2, which no pipeline needs to run."""

from typing import TYPE_CHECKING, Any

from .errors import SkdError

if TYPE_CHECKING:
    from jinja2 import Environment


def open_templates(package: str, absent: SkdError, **settings: Any) -> "Environment":
    """Those that lie beside the modules of a package; what they are not given is an error.

    absent (SkdError): Raised where jinja2 is not installed.
    settings: Of `jinja2.Environment`, such as autoescape.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise absent from error
    return Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
