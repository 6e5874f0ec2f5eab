"""What options, GPUs and a file of Accelerate make of a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertkit.errors import BertkitError, UsageError
from bertkit.workflows import launch_plan
from bertkit.workflows.accelerate_config import read_accelerate_config
from bertkit.workflows.launch_plan import count_gpus, plan_launch, threads_of_each, usable_cores

# As `accelerate config` writes it for two hosts with four GPUs each.
CLUSTER = """
compute_environment: LOCAL_MACHINE
distributed_type: FSDP
fsdp_config: {fsdp_version: 2}
machine_rank: 1
main_process_ip: 10.0.0.1
main_process_port: 29501
mixed_precision: bf16
num_machines: 2
num_processes: 8
use_cpu: false
"""


@pytest.fixture
def four_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver of a machine with four GPUs shows."""
    for number in range(4):
        (tmp_path / "driver" / f"0000:0{number}:00.0").mkdir(parents=True)
    monkeypatch.setattr(launch_plan, "_NVIDIA", tmp_path / "driver")
    monkeypatch.setattr(launch_plan, "_DEVICES", tmp_path)
    # What a plan sets for the processes is taken back at the end of the test.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")


@pytest.fixture
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_plan, "_NVIDIA", tmp_path / "nothing")
    monkeypatch.setattr(launch_plan, "_DEVICES", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.mark.usefixtures("four_gpus")
def test_a_process_for_each_gpu_unless_said_otherwise() -> None:
    assert plan_launch().processes == 4
    assert plan_launch(nproc=2).processes == 2
    assert plan_launch(nproc=1).is_one
    with pytest.raises(UsageError, match="--nproc 5 is more than the 4 GPUs"):
        plan_launch(nproc=5)


@pytest.mark.usefixtures("four_gpus")
def test_a_container_that_was_lent_one_of_four_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert count_gpus() == 1
    assert plan_launch().is_one


@pytest.mark.usefixtures("four_gpus")
def test_chosen_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan_launch(gpus="0,2").processes == 2
    assert launch_plan.os.environ["CUDA_VISIBLE_DEVICES"] == "0,2"
    assert count_gpus() == 2
    assert plan_launch(gpus="none").is_one
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    for wrong, said in (("4", "has 4 GPUs"), ("a", "is no number"), ("1,1", "names one twice")):
        with pytest.raises(UsageError, match=said):
            plan_launch(gpus=wrong)


@pytest.mark.usefixtures("no_gpu")
def test_one_process_uses_all_cores_and_several_share_them() -> None:
    assert plan_launch().is_one
    assert threads_of_each(2, {}) == {"OMP_NUM_THREADS": str(max(1, usable_cores() // 2))}
    assert threads_of_each(2, {"OMP_NUM_THREADS": "3"}) == {}


@pytest.mark.usefixtures("no_gpu")
def test_who_was_started_starts_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert plan_launch().is_one
    assert plan_launch(nproc=2).is_one
    with pytest.raises(UsageError, match="--nproc 4, and 2 processes were started"):
        plan_launch(nproc=4)


@pytest.mark.usefixtures("four_gpus")
def test_a_file_of_accelerate(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER, encoding="utf-8")
    plan = plan_launch(accelerate_config=str(path))
    assert (plan.processes, plan.hosts, plan.host) == (4, 2, 1)
    assert (plan.address, plan.port) == ("10.0.0.1", 29501)
    assert plan.settings == {"train.strategy": "fsdp", "train.precision": "bf16"}
    # What is typed goes before what is in the file.
    assert plan_launch(accelerate_config=str(path), node_rank=0, nproc=2).processes == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", "is no YAML"),
        ("task: {type: ner}", "names no distributed_type"),
        ("distributed_type: DEEPSPEED", "asks for DeepSpeed"),
        ("distributed_type: MEGATRON_LM", "MEGATRON_LM is not known here"),
        ("{distributed_type: MULTI_GPU, num_processes: many}", "num_processes 'many' is no number"),
        ("{distributed_type: MULTI_GPU, mixed_precision: fp8}", "mixed_precision fp8 is not known"),
    ],
)
def test_files_that_cannot_be_followed(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BertkitError, match=said):
        read_accelerate_config(str(path))
    with pytest.raises(UsageError, match="cannot be read"):
        read_accelerate_config(str(tmp_path / "missing.yaml"))
