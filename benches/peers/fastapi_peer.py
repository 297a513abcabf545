"""The service that `scripts/load` measures Portcullis against: what most people would write.

FastAPI on uvicorn takes the same form as `POST /upload/agent`, parses the source with `ast`, refuses
imports that are not on a list and a handful of dangerous names, and writes the file. It does far less
than the gate, keeps no state, and does not wait for the disk.

    python fastapi_peer.py --port 8000 --folder /tmp/peer --workers 2
"""

import argparse
import ast
import hashlib
import os
import re
import uuid

import uvicorn
from fastapi import FastAPI, File, Form, HTTPException, UploadFile

ALLOWED = {
    "collections", "dataclasses", "datetime", "functools", "heapq", "itertools", "json", "math", "operator",
    "random", "re", "string", "sys", "typing",
}
DANGEROUS = {"eval", "exec", "compile", "__import__", "open", "globals", "locals", "vars", "input"}
MINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MOST_BYTES = 1024 * 1024

app = FastAPI()


def problems(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] not in ALLOWED:
                    yield f"line {node.lineno}: import of {name.name}"
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] not in ALLOWED:
                yield f"line {node.lineno}: import from {node.module}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in DANGEROUS - {"input"}:
                yield f"line {node.lineno}: call of {node.func.id}"


@app.post("/upload/agent", status_code=201)
async def upload(agent: UploadFile = File(...), miner_id: str = Form(...)):
    if not MINER.fullmatch(miner_id):
        raise HTTPException(400, "not a miner id")
    source = await agent.read()
    if len(source) > MOST_BYTES:
        raise HTTPException(413, "too large")
    try:
        found = list(problems(ast.parse(source)))
    except (SyntaxError, ValueError) as error:
        raise HTTPException(422, str(error)) from error
    if found:
        raise HTTPException(422, found)
    with open(os.path.join(os.environ["PEER_FOLDER"], f"{miner_id}.py"), "wb") as file:
        file.write(source)
    return {
        "submission_id": str(uuid.uuid4()),
        "miner_id": miner_id,
        "sha256": hashlib.sha256(source).hexdigest(),
        "status": "pending",
        "findings": [],
    }


@app.get("/health")
async def health():
    return {"alive": True}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    os.environ["PEER_FOLDER"] = options.folder
    uvicorn.run(
        "fastapi_peer:app", host="127.0.0.1", port=options.port, workers=options.workers, log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
