"""Empty stand-ins for the GPU libraries that PyPI's torch links to: `stub_cuda.py SITE_PACKAGES`.

The wheel imports them even where there is no GPU, and they are 2.5 GB. Every function of a stub
returns 1, an error; without a GPU none is called. Needs gcc and nm.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

# The library's name -> what its functions' names begin with.
LIBRARIES = {
    "libcusparse.so.12": "cusparse(?!Lt)",
    "libcufft.so.12": "cufft",
    "libcufile.so.0": "cuFile",
    "libcusparseLt.so.0": "cusparseLt",
    "libnccl.so.2": "nccl",
    "libcurand.so.10": "curand",
    "libcublas.so.13": "cublas(?!Lt)",
    "libcublasLt.so.13": "cublasLt",
    "libcudnn.so.9": "cudnn",
    "libnvrtc.so.13": "nvrtc",
    "libnvshmem_host.so.3": "nvshmem",
}


def undefined(folder: Path) -> set[str]:
    """What torch's libraries want from others, as NAME or NAME@VERSION."""
    wanted: set[str] = set()
    for library in (*folder.glob("libtorch*.so"), *folder.glob("libc10*.so")):
        listed = subprocess.run(
            ["nm", "-D", "--undefined-only", library], capture_output=True, text=True, check=True
        )
        wanted.update(line.split()[-1] for line in listed.stdout.splitlines() if line.strip())
    return wanted


def make(folder: Path, library: str, prefix: str, wanted: set[str]) -> None:
    names: set[str] = set()
    versions: set[str] = set()
    for symbol in wanted:
        name, _, version = symbol.partition("@")
        if re.match(r"_{0,2}" + prefix, name):
            names.add(name)
            if version.strip("@"):
                versions.add(version.strip("@"))
    with tempfile.TemporaryDirectory() as scratch:
        source, script = Path(scratch) / "stub.c", Path(scratch) / "versions.map"
        source.write_text("".join(f"int {name}(void) {{ return 1; }}\n" for name in sorted(names)))
        script.write_text("".join(f"{version} {{ global: *; }};\n" for version in sorted(versions)))
        command = ["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{library}"]
        if versions:
            command.append(f"-Wl,--version-script={script}")
        subprocess.run([*command, "-o", folder / library, source], check=True)


def main() -> None:
    folder = Path(sys.argv[1]) / "torch/lib"
    wanted = undefined(folder)
    for library, prefix in LIBRARIES.items():
        make(folder, library, prefix, wanted)


if __name__ == "__main__":
    main()
