"""Names of MXNet 1.9.1: each one is here, has another name here, or is left out with a reason (docs/from_mxnet.md)."""
import ast
import importlib
import inspect

import mxnet_names
import pytest

MODULES, MAPPING = mxnet_names.load()
PLACES = [(module, name, place)
          for module, names in MODULES.items() for name, place, _ in mxnet_names.rows(module, names, MAPPING) if place]
SHARED = [(module, name) for module, name, place in PLACES if place.endswith("." + name)
          and MODULES[module][name]["signature"] is not None and name not in MAPPING["other_names"].get(module, {})]


def test_the_page_is_what_the_tool_writes():
    assert mxnet_names.PAGE.read_text() == mxnet_names.page()


def test_a_mapping_of_unknown_names_is_refused():
    wrong = {**MAPPING, "left_out": {"gluon.nn": {"Dens": "a name that MXNet does not have"}}}
    with pytest.raises(SystemExit, match="Dens"):
        list(mxnet_names.rows("gluon.nn", MODULES["gluon.nn"], wrong))


def test_every_reason_is_one():
    for module, names in MAPPING["left_out"].items():
        for name, reason in names.items():
            assert len(reason) > 20, (module, name)
    for module, names in MAPPING["other_names"].items():
        for name, (place, reason) in names.items():
            assert place.startswith("quantick.") and len(reason) > 20, (module, name)


def found(place):
    module, _, name = place.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("module", "name", "place"), PLACES)
def test_a_name_that_is_here_imports(module, name, place):
    here = found(place)
    assert isinstance(here, type) == (MODULES[module][name]["kind"] == "class") or (module, name) == ("optimizer", "NDabs") \
        or place.split(".")[-1] != name


def arguments_of(thing):
    """{name: default, as its text, or None for a required one}; functions of C++ carry their signature as text."""
    function = thing.__init__ if isinstance(thing, type) else thing
    written = getattr(function, "__nb_signature__", None)
    if written is None:
        parameters = inspect.signature(function).parameters.values()
        keywords = {p.name: None if p.default is p.empty else repr(p.default)
                    for p in parameters if p.name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        if isinstance(thing, type) and any(p.kind is p.VAR_KEYWORD for p in parameters):
            for base in thing.__mro__[1:]:  # **kwargs go to the base class
                if "__init__" in vars(base) and base is not object:
                    keywords = {**arguments_of(base), **keywords}
                    break
        return keywords
    signature = ast.parse(written[0][0].replace("\\0", "None") + ": ...").body[0].args
    names = [a.arg for a in signature.args]
    defaults = [None] * (len(names) - len(signature.defaults)) + [ast.unparse(d) for d in signature.defaults]
    return {name: default for name, default in zip(names, defaults) if name != "self"}


def same_default(theirs, ours):
    if theirs == ours:
        return True
    try:
        return theirs is not None and ours is not None and ast.literal_eval(theirs) == ast.literal_eval(ours)
    except (SyntaxError, ValueError):
        return False


@pytest.mark.parametrize(("module", "name"), SHARED)
def test_arguments_and_defaults_are_those_of_mxnet(module, name):
    ours = arguments_of(found(f"{MAPPING['modules'][module]}.{name}"))
    reasons = {**MAPPING["differences"]["*"], **MAPPING["differences"].get(module, {}).get(name, {})}
    needed = MAPPING["differences"].get(module, {}).get(name, {})
    for parameter in MODULES[module][name]["signature"]:
        if "kind" in parameter:
            continue
        key = parameter["name"]
        same = key in ours and same_default(parameter.get("default"), ours[key])
        assert same or key in reasons, f"{key}={parameter.get('default')} is {ours.get(key, 'missing')} here: {ours}"
        assert not (same and key in needed), f"{key} needs no reason: it is the same here"


@pytest.mark.parametrize(("module", "name"), [s for s in SHARED if s[0] in ("gluon.nn", "gluon.rnn", "gluon.loss")])
def test_arguments_by_place_mean_the_same(module, name):
    """The order of those arguments that both have."""
    theirs = [p["name"] for p in MODULES[module][name]["signature"] if "kind" not in p]
    ours = [n for n in arguments_of(found(f"{MAPPING['modules'][module]}.{name}"))]
    shared = [n for n in theirs if n in ours and n not in ("prefix", "params")]
    assert [n for n in ours if n in shared] == shared
