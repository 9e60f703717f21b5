#pragma once

#include "engine/base/tensor.h"
#include "engine/kernels/f32/convolution.h"
#include "engine/kernels/f32/winograd.h"
#include "engine/kernels/int8/convolution.h"
#include "engine/kernels/lowbit/packed_gemv.h"
#include "engine/ops/operator.h"
#include "engine/weights/activation_quantizer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace eigenbit::internal {

/// Values in the memory of a program while it runs: floats, or levels of a quantizer, a byte each. Of an input, which
/// the caller has in memory, also bytes that stand for floats.
struct Buffer {
    Shape shape;
    bool is_bytes = false;
    void* data = nullptr;
    std::span<const float> meanings{};  ///< of such bytes: (period, 256), of element i in row i mod period; else empty

    View floats() const { return {shape, static_cast<float*>(data)}; }
    std::uint8_t* bytes() const { return static_cast<std::uint8_t*>(data); }
};

using BufferId = std::size_t;

/// Convolution or fully-connected layer of floats, with what is fused into it.
struct FloatLayerStep {
    ConvolutionGeometry geometry;
    std::variant<PackedWeights, WinogradWeights> weights;
    Tensor bias;  ///< empty when there is none
    BufferId input, output;
    std::optional<BufferId> residual;
    float low, high;
};

/// A convolution or fully-connected layer of bytes.
using Int8Layer = std::variant<Int8Convolution, PackedGemv>;

/// The output, and the residual, are floats or bytes as their buffers are.
struct Int8LayerStep {
    /// A max pooling of what the layer computes, which is the output then.
    struct Pool {
        MaxPool op;
        std::int64_t rows;  ///< of the output that are made at once
        BufferId strip;     ///< the layer's bytes below them
    };

    Int8Layer layer;
    BufferId input, output;
    std::optional<BufferId> residual;
    float residual_scale;  ///< in units of the output or, with a function, in ones
    Int8Function function;
    float low, high;             ///< in units of the output
    std::optional<Pool> pool{};  ///< none but of a convolution without a residual
};

/// Any operator on floats.
struct OperatorStep {
    struct Input {
        BufferId buffer = 0;
        ConstView parameter{};  ///< read instead of the buffer where its data is not null
    };

    Operator op;
    std::vector<Input> inputs;
    std::vector<BufferId> outputs;
};

/// Quantizes floats: y = zero + clamp((scale[c] · x + shift[c]) / step), rounded. The inputs lie one after
/// the other along the last axis, whose channels c are; a single input may have several pixels that count as one.
struct QuantizeStep {
    const Int8Kernels* kernels;
    std::vector<BufferId> inputs;
    std::vector<float> scale, shift;
    std::optional<BufferId> gate;  ///< (images, channels), in floats: the scales of each image; `scale` is empty then
    float step, zero, low, high;
    BufferId output;
};

struct DequantizeStep {
    ActivationQuantizer quantizer;
    BufferId input, output;
};

/// Any operator that moves bytes, all of them levels of one quantizer.
struct MoveStep {
    Operator op;
    std::uint8_t zero_point;
    std::vector<BufferId> inputs, outputs;
};

/// An operator that averages levels of a quantizer; the means are floats.
struct MeanStep {
    Operator op;
    ActivationQuantizer quantizer;
    BufferId input, output;
};

/// A function of each byte.
struct LookupStep {
    static constexpr std::int64_t kLevels = 256;

    std::variant<std::vector<std::uint8_t>, std::vector<float>> table;  ///< kLevels values
    BufferId input, output;
};

/// A part of a program that runs at once.
struct Step {
    using Work = std::variant<FloatLayerStep, Int8LayerStep, OperatorStep, QuantizeStep, DequantizeStep, MoveStep,
                              MeanStep, LookupStep>;

    std::string name;  ///< of the node
    std::string kind;  ///< what it does, for people
    std::int64_t multiply_accumulates = 0;
    std::int64_t weights = 0;  ///< of a layer: how many values its weight has
    Work work;
};

/// Calls visit(buffer, whether it is written) for all that a step reads and writes.
template <typename Visit>
void for_each_buffer(const Step& step, const Visit& visit) {
    if (const auto* const op = std::get_if<OperatorStep>(&step.work)) {
        for (const OperatorStep::Input& input : op->inputs) {
            if (input.parameter.data == nullptr) visit(input.buffer, false);
        }
        for (const BufferId output : op->outputs) visit(output, true);
        return;
    }
    if (const auto* const move = std::get_if<MoveStep>(&step.work)) {
        for (const BufferId input : move->inputs) visit(input, false);
        for (const BufferId output : move->outputs) visit(output, true);
        return;
    }
    if (const auto* const quantize = std::get_if<QuantizeStep>(&step.work)) {
        for (const BufferId input : quantize->inputs) visit(input, false);
        if (quantize->gate) visit(*quantize->gate, false);
        visit(quantize->output, true);
        return;
    }
    std::visit(
        [&](const auto& work) {
            if constexpr (requires { work.input; }) {
                visit(work.input, false);
                visit(work.output, true);
            }
            if constexpr (requires { work.residual; }) {
                if (work.residual) visit(*work.residual, false);
            }
            if constexpr (requires { work.pool; }) {
                if (work.pool) visit(work.pool->strip, true);
            }
        },
        step.work);
}

/// Bytes of the weights that a step keeps.
std::int64_t weight_bytes(const Step& step);

/// Runs a step; `cache` is the session's for this step.
void run(const Step& step, std::span<const Buffer> buffers, WeightCache& cache);

}  // namespace eigenbit::internal
