"""The interfaces of engines that the tests stand in for, against the engines' sources."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest

from support import fake_sglang, fake_vllm


def sources() -> list[Any]:
    """Folders `vllm` of the releases to compare with."""
    given = [one for one in os.environ.get("ELDR_VLLM_SOURCES", "").split(":") if one]
    absent = pytest.mark.skip("no sources of vLLM: ELDR_VLLM_SOURCES is not set")
    return given or [pytest.param("", marks=absent)]


@pytest.mark.parametrize("source", sources())
def test_vllm_has_the_interfaces_that_the_connector_uses(source: str) -> None:
    for file, classes in fake_vllm.INTERFACES.items():
        tree = ast.parse((Path(source) / file).read_text())
        for owner, names in classes.items():
            body = tree.body if not owner else class_of(tree, owner).body
            for name, parameters in names.items():
                where = f"{source}/{file}: {owner}.{name}"
                assert name in names_of(body), where
                if parameters is not None:
                    assert parameters_of(body, name) == parameters, where


def class_of(tree: ast.Module, name: str) -> ast.ClassDef:
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name]
    assert found, name
    return found[0]


def names_of(body: list[ast.stmt]) -> set[str]:
    names = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def parameters_of(body: list[ast.stmt], name: str) -> list[str]:
    function = next(n for n in body if isinstance(n, ast.FunctionDef) and n.name == name)
    return [argument.arg for argument in _all(function.args)]


def _all(arguments: ast.arguments) -> list[ast.arg]:
    """Those that may only be named, too."""
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


_SOURCES = os.environ.get("ELDR_SGLANG_SOURCES", "")


@pytest.mark.skipif(not _SOURCES, reason="no sources of SGLang: ELDR_SGLANG_SOURCES is not set")
def test_sglang_has_the_interfaces_that_the_plugin_uses() -> None:
    for file, classes in fake_sglang.INTERFACES.items():
        tree = ast.parse((Path(_SOURCES) / file).read_text())
        for owner, functions in classes.items():
            body = tree.body if not owner else class_of(tree, owner).body
            for name, parameters in functions.items():
                assert name in names_of(body), f"{file}: {owner}.{name}"
                assert parameters_of(body, name) == parameters, f"{file}: {owner}.{name}"
    for file, texts in fake_sglang.TEXTS.items():
        source = (Path(_SOURCES) / file).read_text()
        for text in texts:
            assert text in source, f"{file}: {text}"
