"""How alike two layers see the same images."""
import torch
from torch import Tensor


def feature_similarity(x: Tensor, y: Tensor) -> float:
    r"""Linear CKA of two features of the same images, 1 where one is a rotation and scaling of the other.

    Centred kernel alignment (Kornblith et al., ICML 2019) with the unbiased estimator of HSIC (Song et al., JMLR 2012)
    that Nguyen et al. (ICLR 2021) take for small batches: the plain one is near 1 for any two features with more
    entries than there are images, even random ones. With K and L the Gram matrices (n, n) without their diagonals:

    .. math::
        HSIC(K, L) = \frac{1}{n(n-3)} \Big(tr(KL) + \frac{1^T K 1 \cdot 1^T L 1}{(n-1)(n-2)}
                     - \frac{2}{n-2} 1^T K L 1\Big), \quad
        CKA = \frac{HSIC(K, L)}{\sqrt{HSIC(K, K) \, HSIC(L, L)}}

    Unrelated features give 0 on average, and so may lie a little below it.

    Args:
        x (Tensor): Features (n, ...) of n >= 4 images; they are flattened.
        y (Tensor): Features (n, ...) of the same images, of any other shape.

    Returns:
        float: The similarity, NaN where a feature is the same for all images or there are fewer than 4.
    """
    if len(x) < 4:
        return float('nan')
    gram_x, gram_y = _gram(x), _gram(y)
    squared = _hsic(gram_x, gram_x) * _hsic(gram_y, gram_y)
    return float(_hsic(gram_x, gram_y) / squared.sqrt()) if squared > 0 else float('nan')


def _gram(feature: Tensor) -> Tensor:
    flat = feature.detach().float().flatten(1)
    flat = (flat - flat.mean(0)).double()  # changes nothing in the result but its rounding
    return (flat @ flat.t()).fill_diagonal_(0)


def _hsic(gram_x: Tensor, gram_y: Tensor) -> Tensor:
    n = len(gram_x)
    rows_x, rows_y = gram_x.sum(1), gram_y.sum(1)
    mean = rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2))
    return ((gram_x * gram_y).sum() + mean - 2 * torch.dot(rows_x, rows_y) / (n - 2)) / (n * (n - 3))
