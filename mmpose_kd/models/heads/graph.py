"""Graph convolutions over the joints of a skeleton."""
from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SemGConv(nn.Module):
    r"""Semantic graph convolution (Zhao et al., CVPR 2019, Eq. 2, as in their code).

    .. math:: y_i = a_{ii} W_0 x_i + \sum_{j \in \mathcal{N}(i)} a_{ij} W_1 x_j + b, \quad
        a_i = softmax_{j \in \mathcal{N}(i) \cup \{i\}}(e_{ij})

    with :math:`W_0` for the joint itself, :math:`W_1` for its neighbours, and :math:`e_{ij}` one learnt logit for each
    directed edge, which starts at 0: all neighbours count alike.

    Args:
        in_channels (int): Channels of each joint's feature, in.
        out_channels (int): Channels out.
        num_joints (int): Number of joints, K.
        limbs (Sequence[tuple[int, int]]): Pairs of joints that are neighbours.
    """

    def __init__(self, in_channels: int, out_channels: int, num_joints: int, limbs: Sequence[Sequence[int]]):
        super().__init__()
        self.own = nn.Linear(in_channels, out_channels)  # its bias is b
        self.neighbours = nn.Linear(in_channels, out_channels, bias=False)
        self.edges = nn.Parameter(torch.zeros(num_joints, num_joints))
        linked = torch.eye(num_joints, dtype=torch.bool)
        for i, j in limbs:
            linked[i, j] = linked[j, i] = True
        self.linked: Tensor
        self.itself: Tensor
        self.register_buffer('linked', linked, persistent=False)
        self.register_buffer('itself', torch.eye(num_joints, dtype=torch.bool), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, K, in_channels) of the joints to (N, K, out_channels)."""
        weights = self.edges.masked_fill(~self.linked, float('-inf')).softmax(-1)
        to_itself = F.linear(x, self.own.weight) * weights.diagonal().unsqueeze(-1)
        return to_itself + weights.masked_fill(self.itself, 0) @ self.neighbours(x) + self.own.bias


class GraphBlock(nn.Module):
    """Residual block of two graph convolutions, with half the channels between them.

    Args:
        channels (int): Channels in and out.
        num_joints (int): Number of joints, K.
        limbs (Sequence[tuple[int, int]]): Pairs of joints that are neighbours.
    """

    def __init__(self, channels: int, num_joints: int, limbs: Sequence[Sequence[int]]):
        super().__init__()
        self.convs = nn.ModuleList([SemGConv(channels, channels // 2, num_joints, limbs),
                                    SemGConv(channels // 2, channels, num_joints, limbs)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(channels // 2), nn.BatchNorm1d(channels)])

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, K, channels) to the same shape."""
        hidden = over_channels(self.norms[0], self.convs[0](x)).relu()
        return (x + over_channels(self.norms[1], self.convs[1](hidden))).relu()


def over_channels(norm: nn.Module, x: Tensor) -> Tensor:
    """A norm of (N, C) on features (N, K, C)."""
    return norm(x.flatten(0, 1)).view_as(x)
