#include "engine/program/steps.h"

#include "engine/base/chunks.h"
#include "engine/program/pooled_strips.h"

#include <algorithm>
#include <cstring>

namespace eigenbit::internal {
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

void run(const Int8LayerStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Buffer& y = buffers[step.output];
    Int8Output output{
        .residual_scale = step.residual_scale, .function = step.function, .low = step.low, .high = step.high};
    if (step.pool) return run_strips(step, output, buffers);
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
    if (const auto* const convolution = std::get_if<Int8Convolution>(&step.layer)) {
        convolution->run(x.bytes(), output);
    } else {
        std::get<PackedGemv>(step.layer).run(x.bytes(), x.shape.elements(0, x.shape.rank() - 1), output);
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
    const auto is_computed = [&](InputRole role) {
        const std::optional<std::size_t> place = find_input(step.op, role);
        return place && *place < step.inputs.size() && step.inputs[*place].parameter.data == nullptr;
    };
    if (is_computed(InputRole::weight) || is_computed(InputRole::gain)) cache.current = false;
    forward(step.op, ForwardArguments{.inputs = inputs, .outputs = outputs, .saved = {}, .cache = &cache});
}

/// Rounds rows of `columns` values of an input that the step reads, scaled and shifted as channels from `first` on.
void quantize_rows(const QuantizeStep& step, const float* scale, const float* x, std::int64_t rows,
                   std::int64_t columns, std::int64_t first, std::uint8_t* y) {
    step.kernels->quantize_rows({.x = x,
                                 .y = y,
                                 .x_stride = columns,
                                 .y_stride = static_cast<std::ptrdiff_t>(step.shift.size()),
                                 .rows = static_cast<std::size_t>(rows),
                                 .columns = static_cast<std::size_t>(columns),
                                 .scale = scale + first,
                                 .shift = step.shift.data() + first,
                                 .step = step.step,
                                 .zero = step.zero,
                                 .low = step.low,
                                 .high = step.high});
}

/// The floats that bytes from element `begin` on stand for.
void look_up(const Buffer& input, std::int64_t begin, std::span<float> values) {
    const std::uint8_t* const bytes = input.bytes() + begin;
    const auto period = static_cast<std::int64_t>(input.meanings.size()) / 256;
    std::int64_t row = begin % period;
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = input.meanings[static_cast<std::size_t>(256 * row + bytes[i])];
        row = row + 1 == period ? 0 : row + 1;
    }
}

/// The same of an input of bytes, few of which become floats at a time.
void quantize_looked_up_rows(const QuantizeStep& step, const Buffer& x, const MatrixRange& rows, std::int64_t columns,
                             std::int64_t first, std::uint8_t* y) {
    constexpr std::int64_t kFewElements = 1024;
    const std::int64_t few = std::clamp<std::int64_t>(kFewElements / columns, 1, rows.size());
    std::vector<float> values(static_cast<std::size_t>(few * columns));
    for (std::int64_t row = rows.begin; row < rows.end; row += few) {
        const std::int64_t count = std::min(few, rows.end - row);
        look_up(x, row * columns, std::span(values).first(static_cast<std::size_t>(count * columns)));
        quantize_rows(step, step.scale.data(), values.data(), count, columns, first, y);
        y += count * static_cast<std::int64_t>(step.shift.size());
    }
}

/// Rows of images each of which has scales of its own.
void quantize_gated_rows(const QuantizeStep& step, std::span<const Buffer> buffers, const MatrixRange& rows,
                         std::int64_t rows_of_image) {
    const auto columns = static_cast<std::int64_t>(step.shift.size());
    for (std::int64_t row = rows.begin; row < rows.end;) {
        const std::int64_t image = row / rows_of_image;
        const std::int64_t count = std::min(rows.end, (image + 1) * rows_of_image) - row;
        quantize_rows(step, buffers[*step.gate].floats().data + image * columns,
                      buffers[step.inputs.front()].floats().data + row * columns, count, columns, 0,
                      buffers[step.output].bytes() + row * columns);
        row += count;
    }
}

void run(const QuantizeStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Buffer& y = buffers[step.output];
    const auto columns = static_cast<std::int64_t>(step.shift.size());
    const std::int64_t rows = columns == 0 ? 0 : y.shape.elements() / columns;
    if (step.gate) {
        for_each_chunk(rows, columns, [&](std::int64_t begin, std::int64_t end) {
            quantize_gated_rows(step, buffers, {begin, end}, rows / y.shape[0]);
        });
        return;
    }
    for_each_chunk(rows, columns, [&](std::int64_t begin, std::int64_t end) {
        std::int64_t first = 0;
        for (const BufferId input : step.inputs) {
            const Buffer& x = buffers[input];
            const std::int64_t own = step.inputs.size() == 1 ? columns : x.shape.back();
            std::uint8_t* const to = y.bytes() + begin * columns + first;
            if (x.meanings.empty()) {
                quantize_rows(step, step.scale.data(), x.floats().data + begin * own, end - begin, own, first, to);
            } else {
                quantize_looked_up_rows(step, x, {begin, end}, own, first, to);
            }
            first += own;
        }
    });
}

void dequantize(const ActivationQuantizer& quantizer, std::int64_t count, const std::uint8_t* __restrict from,
                float* __restrict to) {
    for (std::int64_t i = 0; i < count; ++i)
        to[i] = quantizer.step * static_cast<float>(from[i] - quantizer.zero_point);
}

void run(const DequantizeStep& step, std::span<const Buffer> buffers, WeightCache&) {
    for_each_chunk(buffers[step.output].shape.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        dequantize(step.quantizer, end - begin, buffers[step.input].bytes() + begin,
                   buffers[step.output].floats().data + begin);
    });
}

void run(const MoveStep& step, std::span<const Buffer> buffers, WeightCache&) {
    std::vector<BasicView<const std::uint8_t>> inputs;
    for (const BufferId input : step.inputs) inputs.push_back({buffers[input].shape, buffers[input].bytes()});
    std::vector<BasicView<std::uint8_t>> outputs;
    for (const BufferId output : step.outputs) outputs.push_back({buffers[output].shape, buffers[output].bytes()});
    forward(step.op, ByteForwardArguments{.inputs = inputs, .outputs = outputs, .zero_point = step.zero_point});
}

void run(const MeanStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Buffer& x = buffers[step.input];
    forward(step.op, LevelMeanArguments{.levels = {x.shape, x.bytes()},
                                        .zero_point = static_cast<std::uint8_t>(step.quantizer.zero_point),
                                        .step = step.quantizer.step,
                                        .means = buffers[step.output].floats()});
}

void look_up(std::int64_t count, const std::uint8_t* __restrict x, const float* __restrict table, float* __restrict y) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = table[x[i]];
}

/// Reads and writes words: of a loop over bytes compilers make vectors, byte by byte, which takes longer.
void look_up(std::int64_t count, const std::uint8_t* __restrict x, const std::uint8_t* __restrict table,
             std::uint8_t* __restrict y) {
    constexpr std::int64_t kWord = sizeof(std::uint64_t);
    std::int64_t i = 0;
    for (; i + kWord <= count; i += kWord) {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::memcpy(&from, x + i, kWord);
        for (int bit = 0; bit < 64; bit += 8) to |= std::uint64_t{table[from >> bit & 0xff]} << bit;
        std::memcpy(y + i, &to, kWord);
    }
    for (; i < count; ++i) y[i] = table[x[i]];
}

void run(const LookupStep& step, std::span<const Buffer> buffers, WeightCache&) {
    const Buffer& x = buffers[step.input];
    const Buffer& y = buffers[step.output];
    for_each_chunk(x.shape.elements(), 1, [&](std::int64_t begin, std::int64_t end) {
        if (const auto* const levels = std::get_if<std::vector<std::uint8_t>>(&step.table)) {
            look_up(end - begin, x.bytes() + begin, levels->data(), y.bytes() + begin);
        } else {
            look_up(end - begin, x.bytes() + begin, std::get<std::vector<float>>(step.table).data(),
                    y.floats().data + begin);
        }
    });
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
    if (const auto* const bytes = std::get_if<Int8LayerStep>(&step.work)) {
        return std::visit([](const auto& layer) { return layer.weight_bytes(); }, bytes->layer);
    }
    if (const auto* const op = std::get_if<OperatorStep>(&step.work)) {
        std::int64_t sum = 0;
        for (const OperatorStep::Input& input : op->inputs) {
            if (input.parameter.data) sum += input.parameter.elements() * static_cast<std::int64_t>(sizeof(float));
        }
        return sum;
    }
    if (const auto* const lookup = std::get_if<LookupStep>(&step.work)) {
        const auto bytes = [](const auto& table) { return std::ssize(std::as_bytes(std::span(table))); };
        return std::visit(bytes, lookup->table);
    }
    return 0;
}

void run(const Step& step, std::span<const Buffer> buffers, WeightCache& cache) {
    std::visit([&](const auto& work) { run(work, buffers, cache); }, step.work);
}

}  // namespace eigenbit::internal
