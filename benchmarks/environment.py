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
    "numpy==2.4.6",
    "pydantic==2.14.3",
    "pydantic-settings==2.16.3",
    "loguru==0.7.3",
    "pyyaml==6.0.3",
    "more-itertools==11.2.1",
    "culsans==0.11.0",
    "httpx==0.28.1",
    "msgspec==0.22.0",
    "orjson==3.13.0",
    "aiohttp==3.14.5",
    "requests==2.34.2",
    "tqdm==4.70.1",
    "ruamel.yaml==0.19.1",
    "psutil==7.2.2",
    "pyzmq==27.3.0",
    "rich==15.0.0",
    "jinja2==3.1.6",
    "pandas==3.1.1",
    "scipy==1.17.1",
    "uvloop==0.23.0",
    "packaging==26.3",
    "cyclopts==5.4.0",
    "click==8.5.1",
    "faker==40.54.0",
    "ftfy==6.3.1",
    "sanic==25.12.1",
    "tabulate==0.10.0",
    "websockets==17.4",
    "msgpack==1.2.4",
    "protobuf==7.36.2",
    "aiofiles==25.1.0",
    "setproctitle==1.3.8",
    "prometheus-client==0.26.0",
    "jmespath==1.1.0",
    "crick==0.0.8",
    "eval_type_backport==0.4.0",
    "regex==2026.11.15",
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
        if not all(known["reasons"].values()):  # else there is nothing to keep: try again next time
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
