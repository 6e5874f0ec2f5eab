"""Whether it was memory that ran out, whatever raised the error."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """True for what torch, its devices and numpy raise when there is no memory left, and nothing else."""
    import torch

    told = (
        "DefaultCPUAllocator:", "MPS backend out of memory", "CUDA error: out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED",
    )  # fmt: skip
    # Masks of dropout are drawn by numpy, which has a kind of its own.
    kinds = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or any(words in str(error) for words in told)
