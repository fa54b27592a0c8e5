"""Fetches Maven artifacts by coordinates, several at once, each verified before it gets its name.

Standard input: JSON list of {"coordinates", "sha256", "path"}. Silent unless something fails.
Files that are there already are verified and not fetched again, so an interrupted run goes on where it was.
"""

import contextlib
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from maven_artifact.artifact import Artifact
from maven_artifact.downloader import Downloader
from maven_artifact.requestor import RequestException

AT_ONCE = 6
ATTEMPTS = 4


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(wanted):
    partial = f"{wanted['path']}.partial-{os.getpid()}"
    try:
        Downloader().download(Artifact.parse(wanted["coordinates"]), partial)
        found = sha256(partial)
        if found != wanted["sha256"]:
            raise RequestException(f"{wanted['coordinates']}: SHA-256 is {found}, locked is {wanted['sha256']}")
        os.replace(partial, wanted["path"])
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)


def fetch(wanted):
    if os.path.exists(wanted["path"]) and sha256(wanted["path"]) == wanted["sha256"]:
        return
    for attempt in range(1, ATTEMPTS + 1):
        try:
            download(wanted)
            return
        except (RequestException, OSError):
            if attempt == ATTEMPTS:
                raise
            time.sleep(attempt)


def main():
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), ThreadPoolExecutor(AT_ONCE) as pool:
        fetches = [pool.submit(fetch, wanted) for wanted in json.load(sys.stdin)]
        for fetched in as_completed(fetches):
            try:
                fetched.result()
            except (RequestException, OSError) as error:
                pool.shutdown(cancel_futures=True)
                sys.exit(getattr(error, "msg", None) or str(error))


main()
