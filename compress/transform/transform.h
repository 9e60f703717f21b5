#pragma once

#include "compress/layer.h"
#include "compress/statistics/gradient_samples.h"

#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The transforms of Young et al., "Transform Quantization for CNN Compression" (TPAMI 2021).
enum class TransformKind {
    none,  ///< the identity: plain quantization of the weights
    klt,   ///< eigenvectors of the weights' second moments: orthogonal
    elt,   ///< end-to-end learned transform (theorem 3): diagonalises the weights' and the gradients' second moments
    dct1,  ///< fixed cosine transforms of the taps inside a kernel (section 7.2): nothing to store
    dct2
};

/// A transform and the axes it mixes: one, or row and column for a two-dimensional one (section 7.1).
struct Transform {
    TransformKind kind = TransformKind::none;
    std::vector<Axis> axes;

    bool operator==(const Transform&) const = default;
};

/// "none", "elt row", "klt row+column" …
std::string to_string(const Transform& transform);

/// The transforms that a layer may choose from under a name of the command line: "none", "klt", "elt", "dct1", "dct2",
/// "intra-klt", "intra-elt" along the axes "row", "column", "both" (two-dimensional) or "channels" (row or column,
/// whichever is cheaper), and "auto", which is all of none, KLT and ELT. The axis "auto" stands for channels; under the
/// name "auto" for the taps inside kernels too. Throws Error listing the names when there is no such transform or axis.
std::vector<Transform> transforms_named(std::string_view name, std::string_view axis);

/// One factor of the weights: mixing the coefficients' axis by `synthesis` (columns of unit norm) undoes the analysis.
struct TransformBasis {
    Axis axis = Axis::row;
    Matrix synthesis;
    bool stored = true;  ///< false for the cosine transforms, which cost no bits
};

/// Weights (O, taps, I) as coefficients of the same extents, mixed along one or two axes by bases: Θ = S·T.
/// Coefficients are sorted along a mixed axis by falling variance (but for cosine transforms).
struct Factorization {
    Transform transform;
    std::vector<TransformBasis> bases;
    Tensor coefficients;
    Axis block_axis = Axis::row;  ///< the axis of the coefficients that blocks of equal depth cut
    Shape shape;                  ///< of the layer's weight: (O, KH, KW, I) or (O, I)
};

/// Second moments of a layer's weights or gradients along an axis: (1/c) Σ_j θ_j θ_jᵗ over the c columns of the view.
Matrix weight_moments(ConstView weights, Axis axis);

/// The synthesis matrix of a transform of an axis, from the second moments of weights and gradients (the latter for the
/// ELT).
Matrix synthesis_matrix(TransformKind kind, const Matrix& weights, const Matrix& gradients);

/// Of dct1 and dct2.
CosineKind cosine_kind(TransformKind kind);

/// A layer's weights under a transform. Only the ELT asks for the gradients' moments. Throws Error when the transform
/// does not mix such axes.
Factorization factorize(const Graph& graph, const Layer& layer, const Transform& transform,
                        const GradientMoments& gradients);

/// Weights from their factors.
Tensor synthesize(const Factorization& factorization);

/// Gradients' second moments with the ridge that the ELT adds to them: 10⁻³ of their Frobenius norm.
Matrix regularized(const Matrix& gradients);

/// Equation 11 in its two parts, as power ratios: how much a synthesis S lowers the geometric mean of the gradients'
/// and of the weights' second moments. Their product is the coding gain; a gain G saves ½·log2 G bits a weight.
/// Channels without gradients make gains infinite: pass regularized() gradients where there may be any.
struct CodingGain {
    double gradients = 1.0;
    double weights = 1.0;
};
CodingGain coding_gain(const Matrix& synthesis, const Matrix& weights, const Matrix& gradients);

}  // namespace eigenbit::internal
