"""YAML that people write: a key may stand only once, and what is not YAML is one line."""

from functools import cache
from typing import Any

from cosalpure.errors import UserError, one_line


def read_yaml(text: str, where: str) -> Any:
    """Read YAML or JSON; `where` is the file or option that it comes from.

    Raises:
        UserError: if it is not YAML, or a dictionary has a key twice, of which one would be lost.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date such as 2024-99-99 is a ValueError
        raise UserError(f"{where}: not YAML: {one_line(error, 300)}") from None


@cache
def _loader() -> type[Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """The safe loader, which sees a key that stands twice."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            """Make a dictionary."""
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for number, name in enumerate(names):
                if name in names[:number] and name != "<<":
                    line = node.value[number][0].start_mark.line + 1
                    raise yaml.YAMLError(f"the key '{name}' is there twice, again in line {line}")
            return super().construct_mapping(node, deep)

    return Loader
