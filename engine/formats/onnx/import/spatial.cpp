#include "engine/formats/onnx/import/spatial.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/layout.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kLargest = 1 << 24;

/// The padding that makes the output ⌈input / stride⌉ large; an odd pixel goes before or after.
SpatialNode::Padding same_padding(const Shape& input, SpatialNode::Pair kernel, SpatialNode::Pair stride,
                                  SpatialNode::Pair dilation, bool odd_pixel_before) {
    SpatialNode::Padding padding{};
    for (std::size_t i = 0; i < 2; ++i) {
        const std::int64_t extent = input[static_cast<int>(i) + 2];
        const std::int64_t outputs = (extent + stride[i] - 1) / stride[i];
        const std::int64_t kernel_span = (kernel[i] - 1) * dilation[i] + 1;
        const std::int64_t total = std::max<std::int64_t>((outputs - 1) * stride[i] + kernel_span - extent, 0);
        padding[i] = odd_pixel_before ? total - total / 2 : total / 2;
        padding[i + 2] = total - padding[i];
    }
    return padding;
}

}  // namespace

SpatialNode::SpatialNode(NodeImport& node) : node_(node), is_row_(node.rank(0) == 3) {
    if (node.rank(0) == 3 || node.rank(0) == 4) return;
    fail("input 0 has shape {}; images, with 4 dimensions, or one-dimensional values, with 3, were expected",
         to_string(node.shapes(0).front()));
}

ValueId SpatialNode::image(int input) {
    if (node_.rank(input) != (is_row_ ? 3 : 4)) {
        fail("input {} has shape {}, {} dimensions were expected", input, to_string(node_.shapes(input).front()),
             is_row_ ? 3 : 4);
    }
    if (!is_row_) return node_.value(input);
    return node_.is_constant(input) ? node_.row_parameter(input) : node_.graph().image_of_row(node_.value(input));
}

ProbedShapes SpatialNode::shapes() const {
    ProbedShapes shapes = node_.shapes(0);
    if (is_row_) std::ranges::transform(shapes, shapes.begin(), row_as_image);
    return shapes;
}

void SpatialNode::output(ValueId image, int index) {
    node_.output(is_row_ ? node_.graph().row_of_image(image) : image, index);
}

std::optional<SpatialNode::Pair> SpatialNode::find_pair(std::string_view name, std::int64_t least) const {
    const auto values = node_.at(0).integers(name);
    if (!values) return std::nullopt;
    const std::size_t expected = is_row_ ? 1 : 2;
    if (values->size() != expected)
        fail("attribute '{}' has {} values, {} were expected", name, values->size(), expected);
    for (const std::int64_t value : *values) {
        if (value < least || value > kLargest) fail("attribute '{}' has the value {}", name, value);
    }
    return is_row_ ? Pair{least, values->front()} : Pair{(*values)[0], (*values)[1]};
}

std::optional<SpatialNode::Padding> SpatialNode::pads() const {
    auto pads = node_.at(0).integers("pads");
    if (!pads) return std::nullopt;
    const std::size_t expected = is_row_ ? 2 : 4;
    if (pads->size() != expected) fail("attribute 'pads' has {} values, {} were expected", pads->size(), expected);
    for (const std::int64_t amount : *pads) {
        if (amount < 0 || amount > kLargest) fail("attribute 'pads' has the value {}", amount);
    }
    if (is_row_) return Padding{0, (*pads)[0], 0, (*pads)[1]};
    return Padding{(*pads)[0], (*pads)[1], (*pads)[2], (*pads)[3]};
}

std::string SpatialNode::automatic_padding() const {
    const std::string automatic = node_.at(0).text("auto_pad").value_or("NOTSET");
    if (automatic.empty()) return "NOTSET";
    if (automatic != "NOTSET" && automatic != "VALID" && automatic != "SAME_UPPER" && automatic != "SAME_LOWER") {
        fail("auto_pad is '{}'", automatic);
    }
    return automatic;
}

SpatialNode::Padding SpatialNode::padding(Pair kernel, Pair stride, Pair dilation) const {
    const std::string automatic = automatic_padding();
    if (automatic == "VALID") return {};
    if (automatic == "NOTSET") return pads().value_or(Padding{});
    const ProbedShapes images = shapes();
    const auto padding = [&](const Shape& shape) {
        return same_padding(shape, kernel, stride, dilation, automatic == "SAME_LOWER");
    };
    const Padding first = padding(images.front());
    if (!std::ranges::all_of(images, [&](const Shape& shape) { return padding(shape) == first; })) {
        fail("its padding depends on the image size");
    }
    return first;
}

}  // namespace eigenbit::internal
