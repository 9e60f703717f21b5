#include "engine/ops/dropout.h"

#include "engine/base/chunks.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/ops/shape_rules.h"
#include "engine/ops/strided.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kBlock = 256;  // elements that draw from one generator

}  // namespace

std::vector<Shape> infer_shapes(const Dropout& dropout, std::span<const Shape> inputs) {
    expect_inputs(dropout.kType, inputs, 1, 1);
    if (!(dropout.probability >= 0.0F && dropout.probability < 1.0F)) {
        fail("Dropout has the probability {}, expected at least 0 and less than 1.", dropout.probability);
    }
    return {inputs[0]};
}

Shape saved_shape(const Dropout&, std::span<const Shape> inputs) { return inputs[0]; }

void forward(const Dropout& dropout, const ForwardArguments& arguments) {
    const ConstView x = arguments.inputs[0];
    const View y = arguments.outputs[0];
    if (!arguments.training) return copy_rows(1, x.elements(), {y.data, 1}, {x.data, 1});
    const float kept = 1.0F / (1.0F - dropout.probability);
    for_each_chunk((x.elements() + kBlock - 1) / kBlock, kBlock, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
            Random random({arguments.seed, static_cast<std::uint64_t>(block)});
            for (std::int64_t i = block * kBlock; i < std::min((block + 1) * kBlock, x.elements()); ++i) {
                const bool stays = random.uniform() >= static_cast<double>(dropout.probability);
                arguments.saved[i] = static_cast<float>(stays) * kept;
                y[i] = arguments.saved[i] * x[i];
            }
        }
    });
}

void backward(const Dropout&, const BackwardArguments& arguments) {
    const ConstView dy = arguments.output_gradients[0];
    const View dx = arguments.input_gradients[0];
    if (dx.data == nullptr) return;
    if (!arguments.training) return add_rows(1, dx.elements(), {dx.data, 1}, {dy.data, 1});
    for_each_chunk(dx.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) dx[i] += arguments.saved[i] * dy[i];
    });
}

}  // namespace eigenbit::internal
