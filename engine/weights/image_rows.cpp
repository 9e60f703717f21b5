#include "engine/weights/image_rows.h"

#include "engine/weights/mix.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// The output channels begin … end-1 of a quantized weight whose levels are in memory.
Quantized rows_of(const Quantized& weight, std::int64_t begin, std::int64_t end) {
    const std::int64_t filter = weight.shape.elements(1, weight.shape.rank());
    Quantized rows{.shape = weight.shape,
                   .axis = weight.axis,
                   .blocks = {},
                   .levels = {weight.levels.begin() + begin * filter, weight.levels.begin() + end * filter}};
    rows.shape[0] = end - begin;
    for (QuantizedBlock block : weight.blocks) {
        if (weight.axis == 0) {
            block.begin = std::clamp(block.begin, begin, end) - begin;
            block.end = std::clamp(block.end, begin, end) - begin;
            if (block.begin == block.end) continue;
        }
        rows.blocks.push_back(block);
    }
    return rows;
}

bool mixes_outputs(const Product& product) {
    return std::ranges::find(product.bases, Axis::column, &Basis::axis) != product.bases.end();
}

}  // namespace

ImageRows::ImageRows(const Weight& weight) : shape_(weight.shape()) {
    const Product* const product = weight.product();
    if (weight.is_float() || (product && mixes_outputs(*product))) {
        values_ = image(weight);
        return;
    }
    if (product) {
        validate(*product);
        for (const Basis& basis : product->bases) {
            mixings_.push_back({basis.axis, synthesis_matrix(*product, basis)});
        }
    }
    const Quantized& kernel = product ? product->kernel : *weight.quantized();
    validate(kernel);
    kernel_ = loaded(kernel);
}

Tensor ImageRows::rows(std::int64_t begin, std::int64_t end) const {
    Shape shape = shape_;
    shape[0] = end - begin;
    if (values_) {
        const std::int64_t filter = shape_.elements(1, shape_.rank());
        return Tensor(ConstView{shape, values_->data() + begin * filter});
    }
    Tensor values = image(rows_of(*kernel_, begin, end));
    if (!mixings_.empty()) values.reshape(with_one_tap_axis(values.shape()));
    for (const Mixing& mixing : mixings_) values = rounded_mix(values, mixing.axis, mixing.synthesis);
    values.reshape(shape);
    return values;
}

}  // namespace eigenbit::internal
