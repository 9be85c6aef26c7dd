"""How long it takes to collect runs from an MLflow server, at first and again.

    python bench/collect_mlflow.py --runs 200

Starts a server on loopback with a store of its own, logs runs through MLflow's API (spec, scores
and result as artifacts), and ranks what it holds twice.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from leaderboard import make_runs

VIDEOS = 60
os.environ |= {
    "NO_PROXY": "127.0.0.1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--backend-store-uri",
        f"sqlite:///{folder}/store.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    process = subprocess.Popen(
        command,
        cwd=folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return process, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def log(address: str, runs: Path) -> int:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=address)
    experiment = client.create_experiment("dfbench/bench")
    folders = [file.parent for file in runs.rglob("result.json")]

    def one(folder: Path) -> None:
        run = client.create_run(experiment)
        for name in ("spec.json", "predictions.csv", "videos.csv", "result.json"):
            client.log_artifact(run.info.run_id, str(folder / name))
        client.set_terminated(run.info.run_id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, folders))
    return len(folders)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make_runs(folder / "runs", 0, asked.runs, VIDEOS)
        process, address = start(folder)
        try:
            print(f"{log(address, folder / 'runs')} runs logged")
            env = {**os.environ, "DFBENCH_CACHE": str(folder / "cache")}
            for turn in ("first", "second"):
                command = [
                    sys.executable,
                    "-m",
                    "dfbench",
                    "leaderboard",
                    "--mlflow",
                    address,
                    "--format",
                    "csv",
                ]
                began = time.perf_counter()
                subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)
                print(f"{turn}: {time.perf_counter() - began:.1f} s, ranking included")
        finally:
            os.killpg(process.pid, 9)
            process.wait()


if __name__ == "__main__":
    main()
