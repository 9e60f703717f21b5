#pragma once

#include "engine/base/format.h"
#include "engine/formats/onnx/export/operators.h"

#include <algorithm>
#include <cctype>

namespace eigenbit::internal {

/// Functions that are written as several of ONNX's: nodes that are named like ours, with what each does added.
class Formula {
  public:
    Formula(OnnxExport& file, const Node& node) : file_(file), node_(node) {}

    std::string x() { return file_.in_onnx_order(node_.inputs[0]); }
    std::string number(std::string_view name, float value) {
        return add_number(file_, fmt::format("{}.{}", node_.name, name), value);
    }
    onnx::NodeProto& apply(std::string_view type, std::vector<std::string> inputs) {
        return file_.add_node(type, fmt::format("{}/{}", node_.name, lower(type)), std::move(inputs));
    }
    std::string value(std::string_view type, std::vector<std::string> inputs) {
        return apply(type, std::move(inputs)).output(0);
    }
    /// The last one, which has the node's own name.
    onnx::NodeProto& result(std::string_view type, std::vector<std::string> inputs) {
        return add_like(file_, node_, type, std::move(inputs));
    }

  private:
    static std::string lower(std::string_view type) {
        std::string result(type);
        std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
        return result;
    }

    OnnxExport& file_;
    const Node& node_;
};

}  // namespace eigenbit::internal
