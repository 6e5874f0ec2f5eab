"""Which precision this machine should compute in: detected, not assumed."""

from __future__ import annotations


def choose_precision(setting: str) -> str:
    """`fp32`, `bf16` or `fp16`, from a recipe's `train.precision`.

    `auto` takes bf16 where matrix products in it are computed by the hardware: NVIDIA from Ampere on,
    processors with AVX-512 bf16 or AMX. Elsewhere it would be emulated, and slower than fp32.
    """
    if setting != "auto":
        return setting
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "fp32"
    supported = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if supported else "fp32"
