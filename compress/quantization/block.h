#pragma once

#include "compress/quantization/quantizer.h"
#include "compress/transform/transform.h"

#include <vector>

namespace eigenbit::internal {

/// Consecutive channels of one factor of a layer that share a quantizer: rows of T, or columns of a basis S.
struct Block {
    static constexpr int kCoefficients = -1;

    int factor = kCoefficients;  ///< or the position of a basis
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

/// One way to quantize a block: what it costs and what it does to the network's output.
struct Candidate {
    Quantizer quantizer;
    double bits = 0.0;        ///< of the whole block, side information included
    double distortion = 0.0;  ///< mean squared change of an output element over the calibration images
};

/// A block's candidates; the first is "all zero".
using Curve = std::vector<Candidate>;

/// A layer under one transform, with a curve for each of its blocks.
struct TransformCurves {
    Factorization factorization;
    std::vector<Block> blocks;
    std::vector<Curve> curves;  ///< one for each block
    bool disabled = false;      ///< the layer may not choose this transform
};

/// Cuts coefficients and stored bases into at most `count` blocks each of ⌈rows / count⌉ rows.
std::vector<Block> cut_into_blocks(const Factorization& factorization, int count);

/// A copy of a block's values: T's rows, or S's columns.
std::vector<float> block_values(const Factorization& factorization, const Block& block);

/// The coefficients that the columns of a basis in this block multiply, mixed by the other basis already.
Tensor rows_mixed_by(const Factorization& factorization, const Block& block);

/// Calls visit(k, element) for the k-th value of the block and its position in the factor it belongs to: the
/// coefficients (O, taps, I), or a basis' synthesis matrix.
template <typename Visit>
void for_each_element(const Factorization& factorization, const Block& block, Visit visit) {
    std::int64_t outer, extent, inner;
    if (block.factor == Block::kCoefficients) {
        const Shape& shape = factorization.coefficients.shape();
        const int axis = tensor_axis(factorization.block_axis);
        outer = shape.elements(0, axis);
        extent = shape[axis];
        inner = shape.elements(axis + 1, shape.rank());
    } else {
        const Matrix& synthesis = factorization.bases[static_cast<std::size_t>(block.factor)].synthesis;
        outer = synthesis.rows();
        extent = synthesis.columns();
        inner = 1;
    }
    std::int64_t k = 0;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = block.begin * inner; i < block.end * inner; ++i) visit(k++, o * extent * inner + i);
    }
}

}  // namespace eigenbit::internal
