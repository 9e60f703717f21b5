#include "engine/inference/steps.h"

#include "engine/ops/chunks.h"
#include "engine/ops/pooling.h"

#include <algorithm>

namespace eigenbit {
namespace {

void run(const FloatLayerStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const ConvolutionEpilogue epilogue{.bias = step.bias.empty() ? nullptr : step.bias.data(),
                                       .residual = step.residual ? buffers[*step.residual].floats().data : nullptr,
                                       .low = step.low,
                                       .high = step.high};
    const float* const x = buffers[step.input].floats().data;
    float* const y = buffers[step.output].floats().data;
    if (const auto* const plain = std::get_if<PackedWeights>(&step.weights)) {
        convolution_forward(step.geometry, x, *plain, epilogue, y);
    } else {
        winograd_forward(step.geometry, x, std::get<WinogradWeights>(step.weights), epilogue, y);
    }
}

void run(const ByteLayerStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Buffer& y = buffers[step.output];
    IntegerOutput output{.residual_scale = step.residual_scale, .low = step.low, .high = step.high};
    if (y.is_bytes) {
        output.bytes = y.bytes();
    } else {
        output.floats = y.floats().data;
    }
    if (step.residual) {
        const Buffer& residual = buffers[*step.residual];
        if (residual.is_bytes) {
            output.residual_bytes = residual.bytes();
        } else {
            output.residual = residual.floats().data;
        }
    }
    const Buffer& x = buffers[step.input];
    if (const auto* const convolution = std::get_if<IntegerConvolution>(&step.layer)) {
        convolution->run(x.bytes(), output);
    } else {
        std::get<PackedMatrix>(step.layer).run(x.bytes(), x.shape.elements(0, x.shape.rank() - 1), output);
    }
}

void run(const OperatorStep& step, std::span<const Buffer> buffers, WeightCache& cache) {
    std::vector<ConstView> inputs;
    for (const OperatorStep::Input& input : step.inputs) {
        inputs.push_back(input.parameter.data ? input.parameter : ConstView(buffers[input.buffer].floats()));
    }
    std::vector<View> outputs;
    for (const BufferId output : step.outputs) outputs.push_back(buffers[output].floats());
    // Weights that are not constant are packed in every run.
    if (step.inputs.size() > 1 && step.inputs[1].parameter.data == nullptr) cache.current = false;
    forward(step.op, ForwardArguments{.inputs = inputs, .outputs = outputs, .saved = {}, .cache = &cache});
}

void run(const QuantizeStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Buffer& y = buffers[step.output];
    const auto columns = static_cast<std::int64_t>(step.scale.size());
    const std::int64_t rows = columns == 0 ? 0 : y.shape.elements() / columns;
    for_each_chunk(rows, columns, [&](std::int64_t begin, std::int64_t end) {
        std::int64_t first = 0;
        for (const BufferId input : step.inputs) {
            const View x = buffers[input].floats();
            const std::int64_t own = step.inputs.size() == 1 ? columns : x.shape.back();
            step.kernels->round_to_bytes({.x = x.data + begin * own,
                                          .y = y.bytes() + begin * columns + first,
                                          .x_stride = own,
                                          .y_stride = columns,
                                          .rows = static_cast<std::size_t>(end - begin),
                                          .columns = static_cast<std::size_t>(own),
                                          .scale = step.scale.data() + first,
                                          .shift = step.shift.data() + first,
                                          .low = step.low,
                                          .high = step.high});
            first += own;
        }
    });
}

void dequantize(const ActivationQuantization& grid, std::int64_t count, const std::uint8_t* __restrict from,
                float* __restrict to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = grid.step * static_cast<float>(from[i] - grid.zero_point);
}

void run(const DequantizeStep& step, std::span<const Buffer> buffers, WeightCache&) {
    for_each_chunk(buffers[step.output].shape.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        dequantize(step.grid, end - begin, buffers[step.input].bytes() + begin,
                   buffers[step.output].floats().data + begin);
    });
}

/// best = max(best, x)
void keep_larger(const std::uint8_t* __restrict x, std::int64_t channels, std::uint8_t* __restrict best) {
    for (std::int64_t c = 0; c < channels; ++c) best[c] = x[c] > best[c] ? x[c] : best[c];
}

void run(const ByteMaxPoolStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Shape& x = buffers[step.input].shape;
    const Shape& y = buffers[step.output].shape;
    const std::uint8_t* const from = buffers[step.input].bytes();
    std::uint8_t* const to = buffers[step.output].bytes();
    const Pooling pooling{step.op.kernel, step.op.stride, step.op.dilation, step.op.padding, step.op.ceil_mode};
    const std::int64_t channels = x[3];
    const std::int64_t row_elements = y[2] * channels * pooling.kernel[0] * pooling.kernel[1] / 4;
    for_each_chunk(y[0] * y[1], row_elements, [&](std::int64_t begin, std::int64_t end) {
        for_each_window(pooling, x, y, begin, end, [&](const PoolingWindow& window) {
            std::uint8_t* const best = to + window.output * channels;
            std::fill_n(best, channels, std::uint8_t{0});
            for_each_tap(pooling, x, window,
                         [&](std::int64_t tap) { keep_larger(from + tap * channels, channels, best); });
        });
    });
}

void run(const ByteReshapeStep& step, std::span<const Buffer> buffers, WeightCache&) {
    std::copy_n(buffers[step.input].bytes(), buffers[step.output].shape.elements(), buffers[step.output].bytes());
}

std::int64_t bytes_of(const Tensor& tensor) {
    return tensor.empty() ? 0 : tensor.elements() * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

std::int64_t weight_bytes(const Step& step) {
    if (const auto* const floats = std::get_if<FloatLayerStep>(&step.work)) {
        const auto bytes = [](const auto& weights) { return weights.bytes(); };
        return std::visit(bytes, floats->weights) + bytes_of(floats->bias);
    }
    if (const auto* const bytes = std::get_if<ByteLayerStep>(&step.work)) {
        return std::visit([](const auto& layer) { return layer.weight_bytes(); }, bytes->layer);
    }
    if (const auto* const op = std::get_if<OperatorStep>(&step.work)) {
        std::int64_t sum = 0;
        for (const OperatorStep::Input& input : op->inputs) {
            if (input.parameter.data) sum += input.parameter.elements() * static_cast<std::int64_t>(sizeof(float));
        }
        return sum;
    }
    return 0;
}

void run(const Step& step, std::span<const Buffer> buffers, WeightCache& cache) {
    std::visit([&](const auto& work) { run(work, buffers, cache); }, step.work);
}

}  // namespace eigenbit
