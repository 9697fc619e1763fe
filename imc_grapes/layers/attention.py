"""Multi-head attention whose four projections are linear layers of their own, so that each can lie on crossbars."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kernels.errors import InputError


class MultiheadAttention(nn.Module):
    """Equal to `torch.nn.MultiheadAttention` with the same weights, its packed projection taken apart.

    Vaswani et al., *Attention is all you need*, NeurIPS 2017: `softmax(Q K^T / sqrt(d)) V` for each head. The
    projections of query, key, value and output are products with stored weights, which a crossbar computes; the
    products of activations with activations stay digital.

    Args:
        attention: torch's module; its weights are copied.

    Raises:
        InputError: it appends learned or zero keys (`add_bias_kv`, `add_zero_attn`).

    Example:
        >>> import torch
        >>> from imc_grapes.layers.attention import MultiheadAttention
        >>> packed = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval()
        >>> apart = MultiheadAttention(packed).eval()
        >>> x = torch.randn(3, 5, 8)
        >>> bool(torch.allclose(apart(x, x, x)[0], packed(x, x, x)[0], atol=1e-6))
        True
    """

    in_proj_bias = None
    """Torch's transformer layers ask for it before they take a fused path that reads packed weights: there are none."""
    _qkv_same_embed_dim = False

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        if attention.bias_k is not None or attention.add_zero_attn:
            option = "add_zero_attn" if attention.add_zero_attn else "add_bias_kv"
            raise InputError(f"attention with {option} cannot be taken apart into linear layers")
        self.embed_dim = attention.embed_dim
        self.num_heads = attention.num_heads
        self.batch_first = attention.batch_first
        self.dropout = attention.dropout
        if attention._qkv_same_embed_dim:
            query, key, value = attention.in_proj_weight.chunk(3)
        else:
            query, key, value = (
                attention.q_proj_weight,
                attention.k_proj_weight,
                attention.v_proj_weight,
            )
        packed = attention.in_proj_bias
        biases = (None,) * 3 if packed is None else packed.chunk(3)
        self.q_proj = _linear(query, biases[0])
        self.k_proj = _linear(key, biases[1])
        self.v_proj = _linear(value, biases[2])
        self.out_proj = _linear(attention.out_proj.weight, attention.out_proj.bias)
        self.train(attention.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As torch's: masks, shapes and results.

        Args:
            query: ``[L, N, E]``, ``[N, L, E]`` if `batch_first`, or ``[L, E]``.
            key: the same with S in place of L.
            value: as `key`.
            key_padding_mask: ``[N, S]``: True, or a number to add to the scores of a key.
            need_weights: return the attention weights too.
            attn_mask: ``[L, S]`` or ``[N * heads, L, S]``: True where attention is ruled out, or numbers to add.
            average_attn_weights: the mean of the weights over the heads.
            is_causal: a hint that `attn_mask` is causal, as in torch; the mask itself decides.

        Raises:
            InputError: `is_causal` without a mask.
        """
        if is_causal and attn_mask is None:
            raise InputError(
                "is_causal: needs attn_mask; the hint alone masks nothing, as in torch"
            )
        batched = query.dim() == 3
        if not batched:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (
            self._by_head(_project(projection, x))
            for projection, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if attn_mask is not None:
            at = attn_mask.dim() - 2
            mask = attn_mask.view(-1, self.num_heads, *attn_mask.shape[1:]) if at else attn_mask
            scores = scores + _additive(mask, scores)
        if key_padding_mask is not None:
            scores = scores + _additive(key_padding_mask, scores)[:, None, None, :]
        weights = scores.softmax(-1)
        weights = functional.dropout(weights, self.dropout, self.training)
        joined = (weights @ v).transpose(1, 2).flatten(2)
        out = _project(self.out_proj, joined)
        if not batched:
            out, weights = out.squeeze(0), weights.squeeze(0)
        elif not self.batch_first:
            out = out.transpose(0, 1)
        if not need_weights:
            return out, None
        return out, weights.mean(-3) if average_attn_weights else weights

    def _by_head(self, x: Tensor) -> Tensor:
        heads: Tensor = x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        return heads

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.embed_dim}, num_heads={self.num_heads}, batch_first={self.batch_first}"


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.to(weight.device, weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    layer.weight.requires_grad_(weight.requires_grad)
    if bias is not None:
        layer.bias.requires_grad_(bias.requires_grad)
    return layer


def _project(layer: Any, x: Tensor) -> Tensor:
    """Two axes only: not every tile takes three."""
    out: Tensor = layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return out


def _additive(mask: Tensor, scores: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        numbers: Tensor = mask.to(scores.dtype)
        return numbers
    return torch.zeros_like(mask, dtype=scores.dtype).masked_fill(mask, -math.inf)
