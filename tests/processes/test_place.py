"""What launchers say of a process, in their own words."""

from __future__ import annotations

import pytest

from bertkit.errors import UsageError
from bertkit.processes.place import Place, find_place, first_host, is_main_process

OF_TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29400", "TORCHELASTIC_USE_AGENT_STORE": "True",
}  # fmt: skip
# As a second task of the second of two hosts finds it, started by `srun`.
OF_SLURM = {
    "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)", "SLURM_STEP_NODELIST": "gpu[03-04]",
}  # fmt: skip


def test_torchrun() -> None:
    assert find_place(OF_TORCHRUN) == Place(5, 8, 1, 4, "10.0.0.1", 29400, meets_launcher=True)


def test_slurm_step() -> None:
    place = find_place(OF_SLURM)
    assert place == Place(3, 4, 1, 2, "gpu03", 24711)
    assert not is_main_process(OF_SLURM)
    assert is_main_process(OF_SLURM | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"})


def test_batch_script_of_slurm_is_a_single_process() -> None:
    # It has the tasks of the job, but is none of a step.
    batch = {"SLURM_JOB_ID": "4711", "SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}
    assert find_place(batch) is None


def test_uneven_hosts_of_slurm() -> None:
    last = OF_SLURM | {
        "SLURM_STEP_TASKS_PER_NODE": "2(x2),1", "SLURM_STEP_NUM_TASKS": "5", "SLURM_NODEID": "2",
        "SLURM_PROCID": "4", "SLURM_LOCALID": "0",
    }  # fmt: skip
    place = find_place(last)
    assert place is not None and (place.local_processes, place.local_rank) == (1, 0)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("gpu[03-05,11],cpu1", "gpu03"), ("node7", "node7"), ("a1,a2", "a1"), ("r[1,3]-ib", "r1-ib")],
)
def test_first_host_of_a_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


@pytest.mark.parametrize("environment", [{}, {"WORLD_SIZE": "1", "RANK": "0"}, {"WORLD_SIZE": ""}])
def test_single_processes(environment: dict[str, str]) -> None:
    assert find_place(environment) is None
    assert is_main_process(environment)


def test_half_of_what_is_needed_is_refused() -> None:
    with pytest.raises(UsageError, match="RANK does not say which"):
        find_place({"WORLD_SIZE": "2"})
    with pytest.raises(UsageError, match="cannot be"):
        find_place(OF_TORCHRUN | {"RANK": "8"})
