#include "engine/formats/onnx/export/weights.h"

#include "engine/base/format.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace eigenbit::internal {
namespace {

/// Levels of a weight with the quantizer of every channel along one axis.
struct ChannelLevels {
    Shape shape;
    int axis = 0;
    std::vector<std::int16_t> levels;
    int bit_depth = 0;  ///< of the deepest block
    std::vector<float> steps, offsets;
};

ChannelLevels channel_levels(const Quantized& weight) {
    Quantized whole = loaded(weight);
    ChannelLevels result{whole.shape, whole.axis, std::move(whole.levels), 0, {}, {}};
    for (const QuantizedBlock& block : whole.blocks) {
        const auto channels = static_cast<std::size_t>(block.end - block.begin);
        const bool is_zero = block.bit_depth == 0;
        result.bit_depth = std::max(result.bit_depth, block.bit_depth);
        result.steps.insert(result.steps.end(), channels, is_zero ? 1.0F : block.step);
        result.offsets.insert(result.offsets.end(), channels, is_zero ? 0.0F : block.offset);
    }
    return result;
}

ChannelLevels in_onnx_order(ChannelLevels weight) {
    if (weight.shape.rank() != 4) return weight;
    Tensor levels(weight.shape);
    std::ranges::copy(weight.levels, levels.data());
    levels = to_onnx_order(levels);
    std::ranges::transform(levels.values(), weight.levels.begin(),
                           [](float level) { return static_cast<std::int16_t>(level); });
    return {levels.shape(),   onnx_axis(weight.axis, 4), std::move(weight.levels),
            weight.bit_depth, std::move(weight.steps),   weight.offsets};
}

bool are_alike(std::span<const float> values) {
    return std::ranges::adjacent_find(values, std::not_equal_to{}) == values.end();
}

constexpr int kNewTypes = 21;  ///< the opset that has levels of 4 and of 16 bits

/// The smallest type of the file that holds levels of this depth, which is above 8 in new opsets alone.
onnx::TensorProto::DataType level_type(const OnnxExport& file, int bit_depth) {
    constexpr auto kInt4 = static_cast<onnx::TensorProto::DataType>(22);  // newer than some versions of onnx.proto
    if (file.opset() >= kNewTypes && bit_depth <= 4) return kInt4;
    return bit_depth <= 8 ? onnx::TensorProto::INT8 : onnx::TensorProto::INT16;
}

/// Offsets as zero points, where they are whole numbers that levels of this depth can be.
std::optional<std::vector<std::int16_t>> zero_points(const ChannelLevels& weight) {
    const int largest = weight.bit_depth == 0 ? 0 : (1 << (weight.bit_depth - 1)) - 1;
    std::vector<std::int16_t> result;
    for (const float offset : weight.offsets) {
        if (offset != std::trunc(offset) || std::abs(offset) > static_cast<float>(largest)) return std::nullopt;
        result.push_back(static_cast<std::int16_t>(-offset));
    }
    return result;
}

/// Shape (1, … extent … , 1) of a value for each channel along an axis.
Shape along(const Shape& shape, int axis) {
    Shape result = shape;
    for (int i = 0; i < shape.rank(); ++i) result[i] = i == axis ? shape[i] : 1;
    return result;
}

Tensor tensor_of(std::span<const float> values, const Shape& shape) {
    Tensor result(shape);
    std::ranges::copy(values, result.data());
    return result;
}

std::string add_shifts(OnnxExport& file, const std::string& name, const ChannelLevels& weight,
                       const std::string& values) {
    std::vector<float> shifts;
    for (std::size_t i = 0; i < weight.steps.size(); ++i) shifts.push_back(weight.steps[i] * weight.offsets[i]);
    if (std::ranges::all_of(shifts, [](float shift) { return shift == 0.0F; })) return values;
    const std::string shift = file.add_constant(name + ".shifts", tensor_of(shifts, along(weight.shape, weight.axis)));
    return file.add_node("Add", name + "/shifted", {values, shift}).output(0);
}

/// Levels of more than 8 bits as the sum of their high and low bytes, times steps. Those of 32 bits, which old opsets
/// have, ONNX Runtime takes for weights of an integer convolution that it does not have.
std::string add_dequantized_bytes(OnnxExport& file, const std::string& name, const ChannelLevels& weight) {
    const auto add_bytes = [&](const std::string& which, onnx::TensorProto::DataType type, float unit, auto byte_of) {
        std::vector<std::int16_t> bytes;
        std::ranges::transform(weight.levels, std::back_inserter(bytes), byte_of);
        const std::string levels = file.add_levels(name + which, type, weight.shape, bytes);
        const std::string scale = file.add_constant(name + which + ".unit", Tensor(Shape{}, std::array{unit}));
        const std::string zero = file.add_zero_point(name + which + ".zero_point", type, 0);
        return file.add_node("DequantizeLinear", name + which + "/dequantized", {levels, scale, zero}).output(0);
    };
    const std::string high = add_bytes(".high", onnx::TensorProto::INT8, 256.0F,
                                       [](std::int16_t level) { return static_cast<std::int16_t>(level >> 8); });
    const std::string low = add_bytes(".low", onnx::TensorProto::UINT8, 1.0F,
                                      [](std::int16_t level) { return static_cast<std::int16_t>(level & 255); });
    const std::string levels = file.add_node("Add", name + "/levels", {high, low}).output(0);
    const std::string steps =
        file.add_constant(name + ".steps", tensor_of(weight.steps, along(weight.shape, weight.axis)));
    return add_shifts(file, name, weight, file.add_node("Mul", name + "/dequantized", {levels, steps}).output(0));
}

/// DequantizeLinear of the levels, with the file's axes in this order; an addition where offsets are no whole numbers.
std::string add_dequantized(OnnxExport& file, const std::string& name, const ChannelLevels& weight) {
    if (weight.bit_depth > 8 && file.opset() < kNewTypes) return add_dequantized_bytes(file, name, weight);
    const onnx::TensorProto::DataType type = level_type(file, weight.bit_depth);
    const std::optional<std::vector<std::int16_t>> points = zero_points(weight);
    const bool is_one_quantizer =
        are_alike(weight.steps)
        && (!points || std::ranges::adjacent_find(*points, std::not_equal_to{}) == points->end());
    const Shape shape = is_one_quantizer ? Shape{} : Shape{static_cast<std::int64_t>(weight.steps.size())};
    const auto count = static_cast<std::size_t>(shape.elements());

    std::vector<std::string> inputs{file.add_levels(name + ".levels", type, weight.shape, weight.levels)};
    inputs.push_back(file.add_constant(name + ".steps", tensor_of(std::span(weight.steps).first(count), shape)));
    const std::vector<std::int16_t> none(count);
    inputs.push_back(file.add_levels(name + ".zero_points", type, shape,
                                     points ? std::span(*points).first(count) : std::span(none)));
    onnx::NodeProto& node = file.add_node("DequantizeLinear", name + "/dequantized", std::move(inputs));
    set_attribute(node, "axis", std::int64_t{weight.axis});
    const std::string values = node.output(0);
    return points ? values : add_shifts(file, name, weight, values);
}

/// Multiplies steps of output channels by the layer's gains, where none turns a sign that levels cannot have.
bool take_gains(ChannelLevels& weight, const Tensor& gain) {
    if (weight.axis != 0) return false;
    if (!std::ranges::all_of(gain.values(), [](float value) { return value > 0.0F; })) return false;
    for (std::size_t channel = 0; channel < weight.steps.size(); ++channel) {
        weight.steps[channel] *= gain[static_cast<std::int64_t>(channel)];
    }
    return true;
}

std::string add_reshape(OnnxExport& file, const std::string& name, const std::string& value, const Shape& shape) {
    const std::vector<std::int64_t> extents(shape.begin(), shape.end());
    return file.add_node("Reshape", name + "/shaped", {value, file.add_constant(name + ".shape", extents)}).output(0);
}

/// The matrix of a basis (n × k), or its transpose.
std::string add_basis(OnnxExport& file, const std::string& name, const Product& weight, const Basis& basis,
                      bool transposed) {
    const auto* const quantized = std::get_if<Quantized>(&basis.matrix);
    const std::string matrix = quantized ? add_dequantized(file, name, channel_levels(*quantized))
                                         : file.add_constant(name, synthesis_matrix(weight, basis));
    if (!transposed) return matrix;
    onnx::NodeProto& node = file.add_node("Transpose", name + "/transposed", {matrix});
    set_attribute(node, "perm", std::array<std::int64_t, 2>{1, 0});
    return node.output(0);
}

/// The product's image, in our order of axes.
std::string add_product(OnnxExport& file, const std::string& name, const Product& weight) {
    ChannelLevels kernel = channel_levels(weight.kernel);
    std::string values = add_dequantized(file, name, kernel);
    Shape shape = with_one_tap_axis(kernel.shape);
    for (const Basis& basis : weight.bases) {
        const std::string basis_name = formatted("{}.{}", name, to_string(basis.axis));
        const std::int64_t channels = extent(with_one_tap_axis(weight.shape), basis.axis);
        const bool is_row = basis.axis == Axis::row;
        const std::string matrix = add_basis(file, basis_name, weight, basis, is_row);
        // (O, taps, I) · Sᵗ, S · (O, taps · I), or S · (taps, I) for each output channel.
        values = add_reshape(file, basis_name, values,
                             basis.axis == Axis::column ? Shape{shape[0], shape[1] * shape[2]} : shape);
        std::vector<std::string> factors{values, matrix};
        if (!is_row) std::swap(factors[0], factors[1]);
        values = file.add_node("MatMul", basis_name + "/mixed", std::move(factors)).output(0);
        shape[tensor_axis(basis.axis)] = channels;
    }
    return add_reshape(file, name, values, weight.shape);
}

std::string add_gains(OnnxExport& file, const std::string& name, const std::string& weight, const Shape& shape,
                      const Tensor& gain) {
    const std::string gains = file.add_constant(name + ".gains", tensor_of(gain.values(), along(shape, 0)));
    return file.add_node("Mul", name + "/scaled", {weight, gains}).output(0);
}

}  // namespace

std::string add_quantized_weight(OnnxExport& file, std::string_view name, const Weight& weight,
                                 const std::optional<Tensor>& gain) {
    const std::string base(name);
    if (const Quantized* const quantized = weight.quantized()) {
        ChannelLevels levels = in_onnx_order(channel_levels(*quantized));
        const bool is_scaled = gain && take_gains(levels, *gain);
        const std::string values = add_dequantized(file, base, levels);
        return gain && !is_scaled ? add_gains(file, base, values, levels.shape, *gain) : values;
    }
    std::string values = add_product(file, base, *weight.product());
    if (gain) values = add_gains(file, base, values, weight.shape(), *gain);
    if (weight.shape().rank() != 4) return values;
    onnx::NodeProto& node = file.add_node("Transpose", base + "/transposed", {values});
    set_attribute(node, "perm", std::vector<std::int64_t>(kOurAxis.begin(), kOurAxis.end()));
    return node.output(0);
}

}  // namespace eigenbit::internal
