#include "engine/quantization.h"

#include "engine/error.h"

namespace eigenbit {
namespace {

void check(const Quantization& quantization, const Shape& shape) {
    if (quantization.axis < 0 || quantization.axis >= shape.rank()) {
        fail("A quantized parameter of shape {} has its blocks along axis {}.", to_string(shape), quantization.axis);
    }
    if (quantization.indices.size() != static_cast<std::size_t>(shape.elements())) {
        fail("A quantized parameter of shape {} has {} indices.", to_string(shape), quantization.indices.size());
    }
    if (!quantization.channel_scale.empty()
        && quantization.channel_scale.size() != static_cast<std::size_t>(shape[0])) {
        fail("A quantized parameter of shape {} has {} channel scales.", to_string(shape),
             quantization.channel_scale.size());
    }
    std::int64_t position = 0;
    for (const QuantizedBlock& block : quantization.blocks) {
        if (block.begin != position || block.end <= block.begin) {
            fail("A block of a quantized parameter covers channels {} to {}, expected to begin at {}.", block.begin,
                 block.end, position);
        }
        position = block.end;
    }
    if (position != shape[quantization.axis]) {
        fail("The blocks of a quantized parameter cover {} of {} channels.", position, shape[quantization.axis]);
    }
}

}  // namespace

Tensor dequantize(const Quantization& quantization, const Shape& shape) {
    check(quantization, shape);
    Tensor values(shape);
    const std::int64_t extent = shape[quantization.axis];
    const std::int64_t inner = shape.elements(quantization.axis + 1, shape.rank());
    for (const QuantizedBlock& block : quantization.blocks) {
        if (block.bit_depth == 0) continue;
        for (std::int64_t outer = 0; outer < shape.elements(0, quantization.axis); ++outer) {
            for (std::int64_t i = block.begin * inner; i < block.end * inner; ++i) {
                const std::int64_t at = outer * extent * inner + i;
                const auto index = static_cast<float>(quantization.indices[static_cast<std::size_t>(at)]);
                values[at] = block.step * (index + block.offset);
            }
        }
    }
    if (quantization.channel_scale.empty()) return values;
    const std::int64_t per_channel = shape.elements(1, shape.rank());
    for (std::int64_t i = 0; i < values.elements(); ++i) {
        values[i] *= quantization.channel_scale[static_cast<std::size_t>(i / per_channel)];
    }
    return values;
}

}  // namespace eigenbit
