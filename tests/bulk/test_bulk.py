"""`crnn bulk`: two engines, one contract. Every document has its rows once, whatever dies on the way."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.bulk.engines import Engine, check, draw, kill, read_table, wait_for

pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'crnn-ocr[bulk]'")
pytestmark = pytest.mark.slow
PICTURES, DAMAGED = 60, (33,)


@pytest.fixture(scope="module", params=["pool", "ray"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The pool, and a Ray cluster of two nodes with a processor each."""
    if request.param == "pool":
        yield Engine("pool")
        return
    if find_spec("ray") is None:
        pytest.skip("needs ray: pip install 'crnn-ocr[ray]'")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    yield Engine("ray", {"RAY_ADDRESS": cluster.address}, cluster)
    cluster.shutdown()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("bulk") / "pictures", PICTURES, DAMAGED)


def parts(table: Path) -> list[Path]:
    return list(table.glob("*.parquet"))


def test_each_document_has_its_row_and_a_bad_one_its_error(engine: Engine, pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "table"
    code, err = engine.run(pictures, table)
    assert code == 2 and f"{PICTURES} documents read, {PICTURES - 1} pages, 1 with errors" in err
    rows = read_table(table)
    check(rows, pictures, DAMAGED)
    assert len({row["model"] for row in rows}) == 1 and all(row["version"] for row in rows)
    # A table is not written over; going on with a whole one does nothing.
    before = sorted(parts(table))
    code, err = engine.run(pictures, table)
    assert code == 2 and "--resume goes on with it" in err
    code, err = engine.run(pictures, table, "--resume")
    assert code == 0 and f"0 documents read, 0 pages, 0 with errors, {PICTURES} were there already" in err
    assert sorted(parts(table)) == before


def test_a_worker_that_is_killed_costs_no_row(engine: Engine, pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "table"
    with engine.start(pictures, table) as program:
        wait_for(lambda: parts(table), "the first file")
        kill(wait_for(lambda: engine.workers(program.pid), "a worker")[0])
        assert len(read_table(table)) < PICTURES
        err = program.communicate(timeout=180)[1]
    assert program.returncode == 2, err
    check(read_table(table), pictures, DAMAGED)


def test_a_program_that_is_killed_goes_on_where_it_was(engine: Engine, pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "table"
    with engine.start(pictures, table) as program:
        wait_for(lambda: len(parts(table)) > 1, "two files")
        kill(program.pid)
    there = len(read_table(table))
    assert 0 < there < PICTURES
    _, err = engine.run(pictures, table, "--resume")
    assert "were there already" in err
    check(read_table(table), pictures, DAMAGED)


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_a_node_that_dies_costs_no_row(engine: Engine, pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "table"
    with engine.start(pictures, table) as program:
        wait_for(lambda: parts(table), "the first file")
        engine.cluster.remove_node(engine.cluster.worker_nodes.copy().pop(), allow_graceful=False)
        assert len(read_table(table)) < PICTURES
        err = program.communicate(timeout=180)[1]
    assert program.returncode == 2, err
    check(read_table(table), pictures, DAMAGED)
