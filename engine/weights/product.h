#pragma once

#include "engine/weights/activation_quantizer.h"
#include "engine/weights/axis.h"
#include "engine/weights/cosine.h"
#include "engine/weights/quantized.h"

#include <optional>
#include <variant>
#include <vector>

namespace eigenbit::internal {

/// A factor of a Product: the synthesis matrix S (n × k) of a transform of one axis, which makes n channels of the
/// kernel's k.
struct Basis {
    Axis axis = Axis::row;
    std::variant<Quantized, CosineKind> matrix;
    /// Of the value between the basis and the kernel, of channels only. With it the layer runs as two, the basis as a
    /// pointwise one before (row) or after (column) the kernel's, in simulation too; without it both are multiplied
    /// out.
    std::optional<ActivationQuantizer> inner{};
};

/// A weight Θ = S·T (method section 1): a quantized kernel T, whose extent along a mixed axis is the number of rows of
/// coefficients that were kept, and a basis S for each mixed axis.
struct Product {
    Shape shape;       ///< of the weight: (O, KH, KW, I) or (O, I)
    Quantized kernel;  ///< the same with k along a mixed axis; (O, 1, k, I) where the taps are mixed
    std::vector<Basis> bases;
};

/// Throws Error when kernel and bases do not fit the shape or each other.
void validate(const Product& weight);

/// The synthesis matrix (n × k) of one of the product's bases.
Tensor synthesis_matrix(const Product& weight, const Basis& basis);

/// The weight that kernel and bases stand for, of the same bits on every CPU. Throws Error as validate does.
Tensor image(const Product& weight);

}  // namespace eigenbit::internal
