"""Two folders share their archives, datasets/ of both a link to one place, and run at once."""

import subprocess

import pandas as pd
import pytest
import stubs
from file_server import FileServer

from cosalpure.weights import COLUMNS

pytestmark = pytest.mark.workflow
SMALL = {
    "sources": "sources.csv",
    "datasets": {"CoCA": {"source": "coca", "groups": 2, "size": 64}},
    "conditions": [{"datasets": ["CoCA"], "degradations": ["none"], "purifiers": ["jpeg"], "detectors": ["gicd"]}],
    "purifiers": {"jpeg": {}},
}


def test_two_heads_share_one_download_and_give_equal_results(workflow, tmp_path):
    groups = {"Accordion": 3, "boat": 2}
    stubs.data_archive(tmp_path / "CoCA.zip", "CoCA/image/{}", "CoCA/binary/{}", groups)
    (tmp_path / "shared").mkdir()
    (tmp_path / "other").mkdir()
    folders = [workflow, type(workflow)(tmp_path / "other", workflow.warm)]
    logs = [tmp_path / "one.log", tmp_path / "other.log"]

    def waits():
        return any("waiting for that one" in log.read_text() for log in logs if log.exists())

    with FileServer({"/CoCA.zip": tmp_path / "CoCA.zip"}, until=waits) as server:
        for each in folders:
            (each.folder / "datasets").symlink_to(tmp_path / "shared")
            row = f"coca,data,CoCA.zip,{server.url}/CoCA.zip,1,,none stated,tests"
            (each.folder / "sources.csv").write_text("\n".join([",".join(COLUMNS), row]) + "\n")
            each.set(**SMALL)
        heads = []
        for each, path in zip(folders, logs, strict=True):
            with path.open("w") as log:
                options = {"stdout": log, "stderr": log, "cwd": each.folder}
                heads.append(subprocess.Popen(each.command("score", cores=1), **options))
        assert [head.wait(timeout=300) for head in heads] == [0, 0], [log.read_text() for log in logs]
        assert len(server.requests) == 1 and waits()
    assert (tmp_path / "shared/CoCA.zip").read_bytes() == (tmp_path / "CoCA.zip").read_bytes()
    ours, theirs = (each.folder / "results/score/CoCA/none/jpeg/gicd.parquet" for each in folders)
    assert pd.read_parquet(ours).equals(pd.read_parquet(theirs)) and len(workflow.score_files()) == 5
