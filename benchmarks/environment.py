"""Where the clients' own code runs: a Python environment in ``.bench/``, made once by ``make bench-full``."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".bench" / "clients"

CLIENTS = {
    "vllm": "vllm==0.33.0",
    "guidellm": "guidellm==0.8.1",
    "aiperf": "aiperf==0.13.0",
    "sglang": "sglang==0.5.23",
    "inference_perf": "inference-perf==0.7.0",
}
"""By the name of the module in ``peers``. Installed alone, for their dependencies take gigabytes."""

_NEEDED = [
    "numpy",
    "pydantic",
    "pydantic-settings",
    "loguru",
    "pyyaml",
    "more-itertools",
    "culsans",
    "httpx",
    "msgspec",
    "orjson",
    "aiohttp",
    "requests",
    "tqdm",
    "ruamel.yaml",
    "psutil",
    "pyzmq",
    "rich",
    "jinja2",
    "pandas",
    "scipy",
    "uvloop",
    "packaging",
    "cyclopts",
    "click",
    "faker",
    "ftfy",
    "sanic",
    "tabulate",
    "websockets",
    "msgpack",
    "protobuf",
    "aiofiles",
    "setproctitle",
    "prometheus-client",
    "jmespath",
    "crick",
    "eval_type_backport",
    "regex",
]
"""What their metric code imports of it. Torch and transformers it only imports (peers.standins)."""

NOT_MADE = "needs the clients' own packages: make bench-full installs them in .bench/"


def python() -> Path:
    """The interpreter of the environment."""
    return FOLDER / "bin" / "python"


def reasons(*, install: bool) -> dict[str, str]:
    """Why each client cannot be called, "" if it can; ``install``: make the environment if need be."""
    state = FOLDER / "state.json"
    pins = [*CLIENTS.values(), *_NEEDED]
    known = json.loads(state.read_text("utf-8")) if state.exists() else {}
    if known.get("pins") != pins:
        if not install:
            return dict.fromkeys(CLIENTS, NOT_MADE)
        known = {"pins": pins, "reasons": _installed()}
        state.write_text(json.dumps(known), "utf-8")
    found: dict[str, str] = known["reasons"]
    return found


def _installed() -> dict[str, str]:
    print(f"installing clients in {FOLDER} (once)", file=sys.stderr)
    venv.create(FOLDER, clear=True, with_pip=True)
    fault = _pip(*_NEEDED)
    if fault:
        return dict.fromkeys(CLIENTS, fault)
    return {name: _installed_alone(pin) for name, pin in CLIENTS.items()}


def _installed_alone(pin: str) -> str:
    # inference-perf asks for 3.12, and the part of it that is called runs on 3.11
    fault = _pip("--no-deps", "--ignore-requires-python", pin)
    if fault:
        print(f"left out: {fault}", file=sys.stderr)
    return fault


def _pip(*arguments: str) -> str:
    """Install; "" or why that failed, on one line."""
    command = [str(python()), "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return f"pip cannot install {arguments[-1]}: {(errors or ['no reason given'])[-1][:200]}"
