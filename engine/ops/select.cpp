#include "engine/ops/select.h"

#include "engine/ops/shape_rules.h"
#include "engine/ops/strided_fold.h"

namespace eigenbit::internal {

std::vector<Shape> infer_shapes(const Select& select, std::span<const Shape> inputs) {
    expect_inputs(select.kType, inputs, 3, 3);
    return {broadcast_shape(select.kType, inputs[0], broadcast_shape(select.kType, inputs[1], inputs[2]))};
}

void forward(const Select&, const ForwardArguments& arguments) {
    const View y = arguments.outputs[0];
    const auto strides = [&](std::size_t input) { return broadcast_strides(arguments.inputs[input].shape, y.shape); };
    const StridedWalk<4> walk(y.shape, {dense_strides(y.shape), strides(0), strides(1), strides(2)});
    const auto steps = walk.innermost().strides;
    for_each_chunk(walk.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        walk.for_each_run(begin, end, [&](const auto& offsets, std::int64_t count) {
            const float* condition = arguments.inputs[0].data + offsets[1];
            const float* first = arguments.inputs[1].data + offsets[2];
            const float* second = arguments.inputs[2].data + offsets[3];
            float* to = y.data + offsets[0];
            for (std::int64_t i = 0; i < count; ++i) {
                to[i] = condition[i * steps[1]] != 0.0F ? first[i * steps[2]] : second[i * steps[3]];
            }
        });
    });
}

void backward(const Select&, const BackwardArguments& arguments) {
    const ConstView dy = arguments.output_gradients[0];
    const ConstView condition = arguments.inputs[0];
    for (const std::size_t input : {std::size_t{1}, std::size_t{2}}) {
        const View target = arguments.input_gradients[input];
        if (target.data == nullptr) continue;
        const StridedWalk<3> walk(dy.shape, {broadcast_strides(target.shape, dy.shape), dense_strides(dy.shape),
                                             broadcast_strides(condition.shape, dy.shape)});
        const std::int64_t step = walk.innermost().strides[2];
        const StridedTerms<3> terms = [&](const auto& offsets, std::int64_t count, float* buffer) {
            for (std::int64_t i = 0; i < count; ++i) {
                const bool is_first = condition[offsets[2] + i * step] != 0.0F;
                buffer[i] = is_first == (input == 1) ? dy[offsets[1] + i] : 0.0F;
            }
            return buffer;
        };
        StridedSum<3>(walk, terms).add_to(target, 1.0F);
    }
}

}  // namespace eigenbit::internal
