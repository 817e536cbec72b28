"""Generates eldr.v1 from proto/ when a wheel or an sdist is built in the repository.

An sdist carries the generated code, so that building from it needs neither proto/ nor grpcio-tools.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What this generates runs with grpcio from this version on and with protobuf 6.31 to 7.x, which
# covers what current engines bring. A newer one here raises the lower bounds in pyproject.toml.
GRPCIO_TOOLS = "grpcio-tools==1.74.0"


class GenerateStubs(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    @property
    def _proto(self) -> Path:
        return Path(self.root).parents[1] / "proto"

    def _in_repository(self) -> bool:
        return (self._proto / "eldr/v1/placement.proto").is_file()

    def dependencies(self) -> list[str]:
        return [GRPCIO_TOOLS] if self._in_repository() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        package = Path(self.root) / "src/eldr/v1"
        if self._in_repository():
            generate(self._proto, package)
        elif not (package / "__init__.py").is_file():
            raise FileNotFoundError(f"{self._proto}: expected the folder of the .proto files")
        folders = (Path(self.root), Path(self.root).parents[1])
        licenses = [folder / "LICENSE" for folder in folders if (folder / "LICENSE").is_file()]
        if licenses:
            name = "LICENSE" if self.target_name == "sdist" else "eldr/LICENSE"
            build_data["force_include"][str(licenses[0])] = name


def generate(proto: Path, package: Path) -> None:
    """Writes the modules of all files of proto/eldr/v1 and an __init__ that exports their names."""
    from google.protobuf import descriptor_pb2
    from grpc_tools import protoc

    out = package.parents[1]
    package.mkdir(parents=True, exist_ok=True)
    for old in package.glob("*.py*"):
        old.unlink()
    files = sorted(str(path) for path in (proto / "eldr/v1").glob("*.proto"))
    descriptors = package / "descriptors.bin"
    arguments = ["protoc", f"-I{proto}", f"-I{Path(protoc.__file__).parent / '_proto'}"]
    arguments += [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main([*arguments, f"--descriptor_set_out={descriptors}", *files]) != 0:
        raise RuntimeError("protoc failed; its errors stand above")
    described = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    descriptors.unlink()
    lines = ['"""The messages of the package eldr.v1, generated from its .proto files."""']
    names: list[str] = []
    for file in described.file:
        here = [message.name for message in file.message_type]
        for enum in file.enum_type:
            here += [enum.name, *(value.name for value in enum.value)]
        module = Path(file.name).stem + "_pb2"
        if not file.service:
            (package / f"{module}_grpc.py").unlink()  # it has nothing in it
        lines.append(f"from eldr.v1.{module} import (")
        lines += [f"    {name} as {name}," for name in sorted(here)]
        lines.append(")")
        names += here
    lines += ["", f"__all__ = {sorted(names)!r}", ""]
    (package / "__init__.py").write_text("\n".join(lines))
