#include "engine/formats/onnx/node.h"

#include "engine/base/error.h"

#include <algorithm>
#include <numeric>

namespace eigenbit::internal {
namespace {

void check_kind(bool right, std::string_view name, std::string_view expected) {
    if (!right) fail("attribute '{}' is not {}", name, expected);
}

}  // namespace

bool OnnxNode::has_input(int index) const { return index < proto.input_size() && !proto.input(index).empty(); }

const Constant& OnnxNode::constant(int index) const {
    if (!has_input(index)) fail("input {} is missing", index);
    const Constant* value = constants[static_cast<std::size_t>(index)];
    if (value == nullptr) fail("input {} ('{}') must be a constant", index, proto.input(index));
    return *value;
}

const onnx::AttributeProto* OnnxNode::find_attribute(std::string_view name) const {
    const auto& attributes = proto.attribute();
    const auto found =
        std::ranges::find_if(attributes, [&](const auto& attribute) { return attribute.name() == name; });
    return found == attributes.end() ? nullptr : &*found;
}

std::optional<std::int64_t> OnnxNode::integer(std::string_view name) const {
    const onnx::AttributeProto* attribute = find_attribute(name);
    if (attribute == nullptr) return std::nullopt;
    check_kind(attribute->has_i(), name, "an integer");
    return attribute->i();
}

std::optional<std::vector<std::int64_t>> OnnxNode::integers(std::string_view name) const {
    const onnx::AttributeProto* attribute = find_attribute(name);
    if (attribute == nullptr) return std::nullopt;
    const bool is_list = attribute->ints_size() > 0 || attribute->type() == onnx::AttributeProto::INTS;
    check_kind(is_list, name, "a list of integers");
    return std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end());
}

std::optional<float> OnnxNode::real(std::string_view name) const {
    const onnx::AttributeProto* attribute = find_attribute(name);
    if (attribute == nullptr) return std::nullopt;
    check_kind(attribute->has_f(), name, "a real number");
    return attribute->f();
}

std::optional<std::string> OnnxNode::text(std::string_view name) const {
    const onnx::AttributeProto* attribute = find_attribute(name);
    if (attribute == nullptr) return std::nullopt;
    check_kind(attribute->has_s(), name, "a text");
    return attribute->s();
}

std::optional<std::vector<std::int64_t>> OnnxNode::integers(std::string_view name, int input) const {
    return has_input(input) ? constant(input).integers() : integers(name);
}

std::optional<float> OnnxNode::real(std::string_view name, int input) const {
    return has_input(input) ? scalar(constant(input)) : real(name);
}

int normalized_axis(std::int64_t axis, int rank) {
    if (axis < -rank || axis >= rank) fail("axis {} is outside a value of {} dimensions", axis, rank);
    return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> normalized_axes(const std::optional<std::vector<std::int64_t>>& axes, int rank) {
    std::vector<int> result;
    if (!axes || axes->empty()) {
        result.resize(static_cast<std::size_t>(rank));
        std::iota(result.begin(), result.end(), 0);
        return result;
    }
    for (const std::int64_t axis : *axes) result.push_back(normalized_axis(axis, rank));
    std::ranges::sort(result);
    result.erase(std::unique(result.begin(), result.end()), result.end());
    return result;
}

void fail_in_training_mode() { fail("it was exported in training mode: export with model.eval()"); }

void refuse_training_dropout(const OnnxNode& node) {
    if (node.has_input(2) && node.constant(2).integers() != std::vector<std::int64_t>{0}) fail_in_training_mode();
}

}  // namespace eigenbit::internal
