#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/import/operators.h"
#include "engine/formats/onnx/import/spatial.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

using Pair = SpatialNode::Pair;

/// One axis of a transposed convolution. Output position p sums x[i] · w[k] over i · stride + k · dilation = p + begin.
/// The outputs of one phase, p + begin mod stride, are an ordinary convolution of x with every stride-th tap, flipped:
/// a transposed convolution is one of as many times the channels as there are phases, which DepthToSpace interleaves.
struct Phases {
    std::int64_t stride;
    std::int64_t taps;             // of each phase
    std::int64_t kernel;           // taps of the transposed convolution
    std::int64_t kernel_dilation;  // of these
    std::int64_t dilation = 1;     // of the convolution: without phases, the same
    std::int64_t before;           // padding of the convolution
    std::int64_t after;
    std::int64_t cut_before;  // of what is interleaved
    std::int64_t cut_after;

    /// `begin` and `end` are cut off from where all taps reach; `more` is added at the end.
    Phases(std::int64_t kernel_taps, std::int64_t strides, std::int64_t dilations, std::int64_t begin, std::int64_t end,
           std::int64_t more)
        : stride(strides), kernel(kernel_taps), kernel_dilation(dilations) {
        const std::int64_t span = (kernel - 1) * kernel_dilation + 1;
        if (stride == 1) {
            taps = kernel;
            dilation = kernel_dilation;
        } else {
            taps = ceil_divided(span);
        }
        const std::int64_t reach = (taps - 1) * dilation;
        before = std::max<std::int64_t>(reach - begin / stride, 0);
        cut_before = begin - (reach - before) * stride;
        // Of H inputs, stride · H + excess outputs are wanted, and H + before + after − reach positions computed.
        const std::int64_t excess = span - stride - begin - end + more;
        after = std::max<std::int64_t>(ceil_divided(excess + cut_before) + reach - before, 0);
        cut_after = stride * (before + after - reach) - cut_before - excess;
    }

    /// The tap of the transposed convolution that a tap of a phase is, if there is one.
    std::optional<std::int64_t> source(std::int64_t phase, std::int64_t tap) const {
        if (stride == 1) return kernel - 1 - tap;
        const std::int64_t position = phase + (taps - 1 - tap) * stride;
        if (position % kernel_dilation != 0 || position / kernel_dilation >= kernel) return std::nullopt;
        return position / kernel_dilation;
    }

    Slice::Range kept() const {
        Slice::Range range{.begin = cut_before};
        if (cut_after > 0) range.end = -cut_after;
        return range;
    }

  private:
    std::int64_t ceil_divided(std::int64_t value) const {
        return value >= 0 ? (value + stride - 1) / stride : -(-value / stride);
    }
};

/// The rows of both axes' phases and the channels of the result, as output channels of the convolution. Channels of one
/// group stay together.
struct PhaseChannels {
    std::int64_t groups;
    std::int64_t channels;
    Pair strides;

    std::int64_t of(std::int64_t channel, std::int64_t row, std::int64_t column) const {
        const std::int64_t phase = row * strides[1] + column;
        return groups == 1 ? phase * channels + channel : channel * strides[0] * strides[1] + phase;
    }
    std::int64_t count() const { return channels * strides[0] * strides[1]; }
};

/// The padding that the node says, as what is cut off before and after.
SpatialNode::Padding cut(const SpatialNode& spatial, const OnnxNode& attributes, Pair kernel, Pair stride,
                         Pair dilation, Pair more) {
    const std::string automatic = spatial.automatic_padding();
    const auto shape = attributes.integers("output_shape");
    if (!shape && automatic == "NOTSET") return spatial.pads().value_or(SpatialNode::Padding{});
    if (!shape && automatic == "VALID") return {};
    const std::size_t axes = spatial.is_row() ? 1 : 2;
    if (shape && shape->size() < axes) fail("attribute 'output_shape' has {} values", shape->size());
    const auto wanted = [&](std::size_t axis, std::int64_t extent) -> std::int64_t {
        if (!shape) return extent * stride[axis];
        return axes == 1 && axis == 0 ? 1 : (*shape)[shape->size() - 2 + axis];
    };
    SpatialNode::Padding result{};
    const ProbedShapes images = spatial.shapes();
    for (std::size_t axis = 0; axis < 2; ++axis) {
        std::optional<std::int64_t> common;
        for (const Shape& image : images) {
            const std::int64_t extent = image[static_cast<int>(axis) + 2];
            const std::int64_t whole =
                stride[axis] * (extent - 1) + more[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
            const std::int64_t total = whole - wanted(axis, extent);
            if (common && *common != total) fail("what it cuts off depends on the image size");
            common = total;
        }
        if (*common < 0) fail("an output larger than what its kernel reaches is not supported");
        const std::int64_t half = *common / 2;
        result[axis] = automatic == "SAME_UPPER" ? half : *common - half;
        result[axis + 2] = *common - result[axis];
    }
    return result;
}

void import_conv_transpose(NodeImport& node) {
    const OnnxNode& attributes = node.fixed();
    SpatialNode spatial(node);
    if (!node.is_constant(1)) fail("its weights are computed by the network; a constant was expected");
    const Constant& constant = attributes.constant(1);
    const int rank = spatial.is_row() ? 3 : 4;
    if (constant.shape.rank() != rank) {
        fail("weights have shape {}, {} dimensions were expected", to_string(constant.shape), rank);
    }
    const Shape& w = constant.shape;
    const Pair kernel{spatial.is_row() ? 1 : w[2], w[rank - 1]};
    if (const auto given = spatial.find_pair("kernel_shape"); given && *given != kernel) {
        fail("attribute 'kernel_shape' does not fit weights {}", to_string(w));
    }
    const std::int64_t groups = attributes.integer("group").value_or(1);
    if (groups < 1 || w[0] % groups != 0) fail("weights {} cannot be in {} groups", to_string(w), groups);
    const Pair stride = spatial.pair("strides");
    const Pair dilation = spatial.pair("dilations");
    const Pair more = spatial.find_pair("output_padding", 0).value_or(Pair{0, 0});
    const SpatialNode::Padding padding = cut(spatial, attributes, kernel, stride, dilation, more);
    const Phases rows(kernel[0], stride[0], dilation[0], padding[0], padding[2], more[0]);
    const Phases columns(kernel[1], stride[1], dilation[1], padding[1], padding[3], more[1]);

    const std::int64_t outputs = w[1];  // of a group
    const std::int64_t inputs = w[0] / groups;
    const PhaseChannels channels{groups, outputs * groups, stride};
    constexpr std::int64_t kMostWeights = std::int64_t{1} << 28;
    if (rows.taps > kMostWeights / columns.taps
        || channels.count() > kMostWeights / (rows.taps * columns.taps * inputs)) {
        fail("its strides {} and {} make too many weights of it", stride[0], stride[1]);
    }
    const std::vector<float> weights = as_reals(constant);
    Tensor phase_weights(Shape{channels.count(), rows.taps, columns.taps, inputs});
    for (std::int64_t channel = 0; channel < channels.channels; ++channel) {
        for (std::int64_t row = 0; row < stride[0]; ++row) {
            for (std::int64_t column = 0; column < stride[1]; ++column) {
                float* to =
                    phase_weights.data() + channels.of(channel, row, column) * rows.taps * columns.taps * inputs;
                for (std::int64_t ky = 0; ky < rows.taps; ++ky) {
                    for (std::int64_t kx = 0; kx < columns.taps; ++kx, to += inputs) {
                        const auto y = rows.source(row, ky);
                        const auto x = columns.source(column, kx);
                        if (!y || !x) continue;
                        for (std::int64_t i = 0; i < inputs; ++i) {
                            const std::int64_t input = channel / outputs * inputs + i;
                            const std::int64_t from =
                                ((input * outputs + channel % outputs) * kernel[0] + *y) * kernel[1] + *x;
                            to[i] = weights[static_cast<std::size_t>(from)];
                        }
                    }
                }
            }
        }
    }

    GraphBuilder& graph = node.graph();
    std::vector<ValueId> layer{spatial.image(), graph.add_parameter(node.input_name(1), std::move(phase_weights))};
    if (node.has_input(2)) {
        const Constant& bias = attributes.constant(2);
        if (!(bias.shape == Shape{channels.channels})) {
            fail("the bias has shape {}, ({}) was expected", to_string(bias.shape), channels.channels);
        }
        const std::vector<float> values = as_reals(bias);
        Tensor repeated(Shape{channels.count()});
        for (std::int64_t channel = 0; channel < channels.channels; ++channel) {
            for (std::int64_t row = 0; row < stride[0]; ++row) {
                for (std::int64_t column = 0; column < stride[1]; ++column) {
                    repeated[channels.of(channel, row, column)] = values[static_cast<std::size_t>(channel)];
                }
            }
        }
        layer.push_back(graph.add_parameter(node.input_name(2), std::move(repeated)));
    }
    ValueId y = graph.add(Conv{.dilation{rows.dilation, columns.dilation},
                               .padding{rows.before, columns.before, rows.after, columns.after},
                               .groups = groups},
                          layer);
    if (stride != Pair{1, 1}) {
        y = graph.add(
            DepthToSpace{.block = stride[0],
                         .order = groups == 1 ? DepthToSpace::Order::depth_first : DepthToSpace::Order::column_first,
                         .block_width = stride[1] == stride[0] ? 0 : stride[1]},
            {y});
    }
    if (rows.cut_before + rows.cut_after + columns.cut_before + columns.cut_after > 0) {
        y = graph.add(Slice{{{}, rows.kept(), columns.kept(), {}}}, {y});
    }
    spatial.output(y);
}

}  // namespace

const ImportTable& conv_transpose_imports() {
    static const ImportTable table = {
        {"ConvTranspose",
         {import_conv_transpose, "auto_pad dilations group kernel_shape output_padding output_shape pads strides"}},
    };
    return table;
}

}  // namespace eigenbit::internal
