"""The commands of a page can be pasted: what differs between clusters is a variable that the reader has set."""

import re

_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_READ = re.compile(r"\$\{?([A-Z_]+)")
_SET = re.compile(r"\b([A-Z_]+)=|\bfor ([A-Z_]+) in\b")
_PLACE = re.compile(r'(?:-n|--namespace)[ =]+(?!"\$)(\S+)')
_FORWARD = re.compile(r'port-forward (?!"\$)(\S+)')
_SHELL = {"HOME"}
_PREFIXES = ("kubectl ", "helm ", "hubble ")


def names(first_response: str) -> frozenset[str]:
    """The variables that a reader has set, after the section Names."""
    section = first_response.partition("## Names\n")[2].partition("\n## ")[0]
    return frozenset(name for fence in _FENCE.findall(section) for name, _ in _SET.findall(fence)) | _SHELL


def faults(text: str, given: frozenset[str]) -> list[str]:
    """What would not run in another cluster: literal namespaces and pods, and variables that nobody sets."""
    found: list[str] = []
    own: set[str] = set()
    inline = [code for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text) if code.startswith(_PREFIXES)]
    for command in [*_FENCE.findall(text), *inline]:
        own |= {name for pair in _SET.findall(command) for name in pair}
        found += [f"sets ${name} nowhere" for name in sorted(set(_READ.findall(command)) - own - given)]
        places = [place for line in command.splitlines() if "kubectl" in line for place in _PLACE.findall(line)]
        found += [f"names the namespace {place}" for place in places]
        found += [f"forwards a port to {target}: each pod knows only its own" for target in _FORWARD.findall(command)]
    return found
