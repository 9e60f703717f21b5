#pragma once

#include "engine/formats/onnx/export/export.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/onnx.h"
#include "tests/engine/network_run.h"
#include "tests/engine/operator_run.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace eigenbit::internal {

using Integers = std::vector<std::int64_t>;

/// A small ONNX file put together in a test. All shapes are ONNX's.
class OnnxModel {
  public:
    using Attribute = std::variant<std::int64_t, float, std::string, Integers>;
    using Attributes = std::vector<std::pair<std::string, Attribute>>;
    using Names = std::vector<std::string>;

    explicit OnnxModel(std::int64_t opset = 13) {
        proto.set_ir_version(7);
        proto.add_opset_import()->set_version(opset);
        proto.mutable_graph()->set_name("test");
    }

    /// An extent 0 is left open.
    OnnxModel& input(const std::string& name, const Integers& extents) {
        auto& info = *proto.mutable_graph()->add_input();
        info.set_name(name);
        auto& type = *info.mutable_type()->mutable_tensor_type();
        type.set_elem_type(onnx::TensorProto::FLOAT);
        type.mutable_shape();
        for (const std::int64_t extent : extents) {
            auto& dimension = *type.mutable_shape()->add_dim();
            extent == 0 ? dimension.set_dim_param("open") : dimension.set_dim_value(extent);
        }
        return *this;
    }

    OnnxModel& constant(const std::string& name, const Tensor& values) {
        auto& tensor = *proto.mutable_graph()->add_initializer();
        tensor.set_name(name);
        tensor.set_data_type(onnx::TensorProto::FLOAT);
        for (const std::int64_t extent : values.shape()) tensor.add_dims(extent);
        tensor.set_raw_data(values.data(), values.values().size_bytes());
        return *this;
    }

    OnnxModel& number(const std::string& name, float value) {
        return constant(name, Tensor(Shape{}, std::array{value}));
    }

    OnnxModel& integers(const std::string& name, const Integers& values) {
        auto& tensor = *proto.mutable_graph()->add_initializer();
        tensor.set_name(name);
        tensor.set_data_type(onnx::TensorProto::INT64);
        tensor.add_dims(static_cast<std::int64_t>(values.size()));
        for (const std::int64_t value : values) tensor.add_int64_data(value);
        return *this;
    }

    OnnxModel& integers(const std::string& name, const Integers& extents, const Integers& values) {
        integers(name, values);
        auto& tensor = *proto.mutable_graph()->mutable_initializer()->rbegin();
        tensor.clear_dims();
        for (const std::int64_t extent : extents) tensor.add_dims(extent);
        return *this;
    }

    OnnxModel& integer(const std::string& name, std::int64_t value) { return integers(name, {}, {value}); }

    OnnxModel& node(const std::string& type, const Names& inputs, const Names& outputs,
                    const Attributes& attributes = {}) {
        auto& node = *proto.mutable_graph()->add_node();
        node.set_op_type(type);
        node.set_name(type + "_" + outputs.front());
        for (const std::string& name : inputs) node.add_input(name);
        for (const std::string& name : outputs) node.add_output(name);
        for (const auto& [name, attribute] : attributes) {
            std::visit([&node, &key = name](const auto& value) { set_attribute(node, key, value); }, attribute);
        }
        return *this;
    }

    OnnxModel& output(const std::string& name) {
        proto.mutable_graph()->add_output()->set_name(name);
        return *this;
    }

    Model read(const OnnxOptions& options = {}) const {
        const TemporaryFolder folder;
        folder.write("model.onnx", proto.SerializeAsString());
        return read_onnx(folder / "model.onnx", options);
    }

    onnx::ModelProto proto;
};

/// What the network outputs, in ONNX's order, for an input in ONNX's order.
inline Tensor run_onnx(const Graph& graph, const Tensor& input) {
    return to_onnx_order(run(graph, to_our_order(input)));
}

inline Graph exported_and_read_again(const Graph& graph) {
    const TemporaryFolder folder;
    write_onnx(Model{graph, {}, {}}, folder / "again.onnx");
    return read_onnx(folder / "again.onnx").graph;
}

/// The element of a tensor at an index; 0 outside.
inline float at(const Tensor& tensor, const Integers& index) {
    std::int64_t offset = 0;
    for (int axis = 0; axis < tensor.shape().rank(); ++axis) {
        const std::int64_t position = index[static_cast<std::size_t>(axis)];
        if (position < 0 || position >= tensor.shape()[axis]) return 0.0F;
        offset = offset * tensor.shape()[axis] + position;
    }
    return tensor[offset];
}

/// The tensor of this shape whose element at an index is a function's.
template <typename Function>
Tensor tensor_of(const Shape& shape, Function function) {
    Tensor result(shape);
    for (std::int64_t i = 0; i < result.elements(); ++i) {
        Integers index(static_cast<std::size_t>(shape.rank()));
        std::int64_t rest = i;
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            index[static_cast<std::size_t>(axis)] = rest % shape[axis];
            rest /= shape[axis];
        }
        result[i] = function(index);
    }
    return result;
}

/// Checks that the model, for random values of its only input, outputs a tensor of this shape whose elements are the
/// function's of (input, index), and that it still does once exported and read again.
template <typename Function>
void check_output(const OnnxModel& model, const Shape& input_shape, const Shape& output_shape, Function expected) {
    const Tensor x = random_tensor(input_shape, 17);
    const Tensor y = tensor_of(output_shape, [&](const Integers& index) { return expected(x, index); });
    const Graph graph = model.read().graph;
    CHECK(relative_error(run_onnx(graph, x), y) < 1e-5F);
    CHECK(relative_error(run_onnx(exported_and_read_again(graph), x), y) < 1e-5F);
}

}  // namespace eigenbit::internal
