#include "engine/weights/product.h"

#include "engine/base/error.h"
#include "engine/weights/mix.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

bool is_mixed(const Product& weight, Axis axis) {
    return std::ranges::find(weight.bases, axis, &Basis::axis) != weight.bases.end();
}

void validate_basis(const Product& weight, const Basis& basis) {
    const std::int64_t channels = extent(with_one_tap_axis(weight.shape), basis.axis);
    const std::int64_t kept = extent(with_one_tap_axis(weight.kernel.shape), basis.axis);
    if (std::ranges::count(weight.bases, basis.axis, &Basis::axis) != 1) {
        fail("A weight's axis '{}' is mixed more than once.", to_string(basis.axis));
    }
    if (basis.inner && basis.axis == Axis::taps)
        fail("A basis of taps has a quantizer for a value that nobody computes.");
    if (basis.inner) validate(*basis.inner);
    const auto* const quantized = std::get_if<Quantized>(&basis.matrix);
    if (!quantized && (basis.axis != Axis::taps || kept != channels)) {
        fail("A cosine transform mixes {} channels of axis '{}', expected all taps.", kept, to_string(basis.axis));
    }
    if (!quantized) return;
    if (!(quantized->shape == Shape{channels, kept})) {
        fail("A basis has shape {}, expected ({}, {}).", to_string(quantized->shape), channels, kept);
    }
    validate(*quantized);
}

}  // namespace

void validate(const Product& weight) {
    const Shape& shape = weight.shape;
    const Shape& kernel = weight.kernel.shape;
    const bool fits =
        (shape.rank() == 2 || shape.rank() == 4) && kernel.rank() == shape.rank()
        && (is_mixed(weight, Axis::column) || kernel[0] == shape[0])
        && (is_mixed(weight, Axis::row) || kernel.back() == shape.back())
        && (shape.rank() == 2
            || (is_mixed(weight, Axis::taps) ? kernel[1] == 1 : kernel[1] == shape[1] && kernel[2] == shape[2]));
    if (!fits || weight.bases.empty()) {
        fail("A kernel of shape {} with {} bases does not fit a weight of shape {}.", to_string(kernel),
             weight.bases.size(), to_string(shape));
    }
    for (const Basis& basis : weight.bases) validate_basis(weight, basis);
    validate(weight.kernel);
}

Tensor synthesis_matrix(const Product& weight, const Basis& basis) {
    if (const auto* const quantized = std::get_if<Quantized>(&basis.matrix)) return image(*quantized);
    const bool convolution = weight.shape.rank() == 4;
    return cosine_synthesis(std::get<CosineKind>(basis.matrix), convolution ? weight.shape[1] : 1,
                            convolution ? weight.shape[2] : 1);
}

Tensor image(const Product& weight) {
    validate(weight);
    Tensor values = image(weight.kernel);
    values.reshape(with_one_tap_axis(values.shape()));
    for (const Basis& basis : weight.bases) values = rounded_mix(values, basis.axis, synthesis_matrix(weight, basis));
    values.reshape(weight.shape);
    return values;
}

}  // namespace eigenbit::internal
