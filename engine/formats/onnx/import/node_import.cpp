#include "engine/formats/onnx/import/node_import.h"

#include "engine/base/error.h"
#include "engine/formats/onnx/fold/arithmetic.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

// The forms in which one constant may become a parameter, as keys of ImportState::parameters.
constexpr int kOwnForm = -1;
constexpr int kMatrixForm = -2;            // (O, I), as it is
constexpr int kTransposedMatrixForm = -3;  // from (I, O); forms from 0 on are ranks to broadcast to
constexpr int kRowForm = -4;               // (O, 1, K, I), from (O, I, K)

Tensor to_tensor(const Constant& constant) {
    if (!constant.is_integer()) return Tensor(constant.shape, constant.reals());  // perhaps of gigabytes
    return Tensor(constant.shape, as_reals(constant));
}

/// The (O, C · H · W) matrix with columns that go through height, width and channels instead.
Tensor with_columns(const Tensor& matrix, const Shape& columns) {
    const std::int64_t rows = matrix.shape()[0];
    if (columns.elements() != matrix.shape()[1]) {
        fail("weights {} do not fit images of {} that are flattened", to_string(matrix.shape()), to_string(columns));
    }
    Tensor images(Shape{rows, columns[2], columns[0], columns[1]}, matrix.values());
    Tensor reordered = to_our_order(images);
    reordered.reshape(matrix.shape());
    return reordered;
}

}  // namespace

bool ImportedValue::is_fixed() const {
    return std::ranges::all_of(constants, [&](const auto& constant) { return constant == constants.front(); });
}

NodeImport::NodeImport(const onnx::NodeProto& proto, ImportState& state) : proto_(proto), state_(state) {
    for (std::size_t probe = 0; probe < state.probes; ++probe) {
        OnnxNode& node = at_.emplace_back(OnnxNode{proto, state.opset, {}});
        for (int input = 0; input < proto.input_size(); ++input) {
            const bool known = node.has_input(input) && is_constant(input);
            node.constants.push_back(known ? imported(input).constants[probe].get() : nullptr);
        }
    }
}

const OnnxNode& NodeImport::fixed() const {
    for (int input = 0; input < proto_.input_size(); ++input) {
        if (has_input(input) && is_constant(input) && !imported(input).is_fixed()) {
            fail("input {} ('{}') depends on the batch or the image size", input, input_name(input));
        }
    }
    return at_.front();
}

const ImportedValue& NodeImport::imported(int index) const {
    if (!has_input(index)) fail("input {} is missing", index);
    const auto value = state_.values.find(input_name(index));
    if (value == state_.values.end()) fail("input {} ('{}') is not computed before", index, input_name(index));
    return value->second;
}

const ImportedValue& NodeImport::numbers(int index) const {
    const ImportedValue& value = imported(index);
    if (value.maxima)
        fail("input {} ('{}') are indices of maxima, which MaxUnpool alone reads", index, input_name(index));
    return value;
}

bool ImportState::is_read_once(ValueId activation) const {
    int count = 0;
    int names = 0;
    for (const auto& [name, value] : values) {
        if (value.activation != activation) continue;
        const auto found = readers.find(name);
        ++names;
        count += found == readers.end() ? 0 : found->second;
    }
    return names == 1 && count == 1;
}

bool NodeImport::is_only_use(int index) const { return state_.is_read_once(imported(index).activation); }

void NodeImport::note_steps(int index, ValueId parameter) {
    const auto steps = state_.steps.find(input_name(index));
    if (steps != state_.steps.end()) state_.parameter_steps[parameter] = steps->second;
}

ValueId NodeImport::value(int index) {
    const ImportedValue& value = numbers(index);
    if (!value.is_constant()) return materialized(state_.values.find(input_name(index))->second);
    const auto [entry, is_new] = state_.parameters.try_emplace({input_name(index), kOwnForm});
    if (is_new) {
        const Tensor tensor = to_tensor(fixed().constant(index));
        entry->second = graph().add_parameter(input_name(index), to_our_order(tensor));
        note_steps(index, entry->second);
    }
    return entry->second;
}

ValueId NodeImport::unordered_value(int index) { return is_constant(index) ? value(index) : numbers(index).activation; }

ValueId NodeImport::materialized(ImportedValue& value) {
    if (!value.columns) return value.activation;
    ProbedShapes images;
    const ProbedShapes matrices = graph().shapes(value.activation);
    for (const Shape& matrix : matrices) {
        images.push_back({matrix[0], (*value.columns)[0], (*value.columns)[1], (*value.columns)[2]});
    }
    value.activation = graph().onnx_reshape(graph().reshape(value.activation, images), matrices);
    value.columns.reset();
    return value.activation;
}

Constant NodeImport::common_constant(int index) const {
    std::vector<Constant> constants;
    for (const auto& constant : imported(index).constants) constants.push_back(*constant);
    const auto differs_in_rank = [&](const Constant& constant) {
        return constant.shape.rank() != constants.front().shape.rank() || constant.shape.elements() == 0;
    };
    if (std::ranges::any_of(constants, differs_in_rank)) return fixed().constant(index);
    for (int axis = 0; axis < constants.front().shape.rank(); ++axis) {
        std::vector<Constant> once;
        for (const Constant& constant : constants) {
            Shape shape = constant.shape;
            shape[axis] = 1;
            once.push_back(strided(constant, shape, 0, dense_strides(constant.shape)));
        }
        const auto repeats = [](const Constant& first, const Constant& all) {
            return expanded(first, all.shape) == all;
        };
        if (std::ranges::equal(once, constants, repeats)) constants = std::move(once);
    }
    const auto is_first = [&](const Constant& constant) { return constant == constants.front(); };
    return std::ranges::all_of(constants, is_first) ? constants.front() : fixed().constant(index);
}

ValueId NodeImport::broadcast_parameter(int index, int rank) {
    const auto [entry, is_new] = state_.parameters.try_emplace({input_name(index), rank});
    if (!is_new) return entry->second;
    Tensor tensor = to_tensor(imported(index).is_fixed() ? fixed().constant(index) : common_constant(index));
    if (tensor.shape().rank() <= rank) {
        tensor.reshape(with_leading_ones(tensor.shape(), rank));
        tensor = to_our_order(tensor);
        tensor.reshape(without_leading_ones(tensor.shape()));
    }
    entry->second = graph().add_parameter(input_name(index), std::move(tensor));
    return entry->second;
}

ValueId NodeImport::row_parameter(int index) {
    const auto [entry, is_new] = state_.parameters.try_emplace({input_name(index), kRowForm});
    if (!is_new) return entry->second;
    Tensor tensor = to_tensor(fixed().constant(index));
    tensor.reshape(row_as_image(tensor.shape()));
    entry->second = graph().add_parameter(input_name(index), to_our_order(tensor));
    return entry->second;
}

ValueId NodeImport::weight_matrix(int index, bool output_channels_first, float factor,
                                  const std::optional<Shape>& columns) {
    const Constant& constant = fixed().constant(index);
    if (constant.shape.rank() != 2)
        fail("weights have shape {}, 2 dimensions were expected", to_string(constant.shape));
    const auto make = [&] {
        Tensor matrix = to_tensor(constant);
        if (!output_channels_first) matrix = permuted(matrix, std::array{1, 0});
        if (columns && columns->elements() != matrix.shape()[1]) state_.misfit = {*columns, matrix.shape()[1]};
        if (columns) matrix = with_columns(matrix, *columns);
        for (float& value : matrix.values()) value *= factor;
        return graph().add_parameter(input_name(index), std::move(matrix));
    };
    if (factor != 1.0F) return make();
    if (columns) {
        const ValueId reordered = make();
        note_steps(index, reordered);
        return reordered;
    }
    const int form = output_channels_first ? kMatrixForm : kTransposedMatrixForm;
    const auto [entry, is_new] = state_.parameters.try_emplace({input_name(index), form});
    if (is_new) entry->second = make();
    note_steps(index, entry->second);
    return entry->second;
}

ProbedShapes NodeImport::shapes(int index) const {
    const ImportedValue& value = imported(index);
    if (!value.is_constant()) return to_onnx_order(state_.graph.shapes(value.activation));
    ProbedShapes result;
    for (const auto& constant : value.constants) result.push_back(constant->shape);
    return result;
}

ProbedShapes NodeImport::file_shapes(int index) const {
    if (!has_input(index) || !state_.channels_last.contains(input_name(index))) return shapes(index);
    return state_.graph.shapes(imported(index).activation);
}

void NodeImport::output(ValueId value, int index) {
    if (index >= proto_.output_size() || proto_.output(index).empty()) return;
    ImportedValue& entry = state_.values[proto_.output(index)];
    entry = {};
    entry.activation = value;
}

void NodeImport::output_maxima(ValueId value, const Maxima& maxima, int index) {
    output(value, index);
    if (index < proto_.output_size()) state_.values[proto_.output(index)].maxima = maxima;
}

void NodeImport::output_like(int input, ValueId value) {
    const std::optional<Shape> order = is_constant(input) ? std::nullopt : columns(input);
    output(value);
    state_.values[proto_.output(0)].columns = order;
}

void NodeImport::output_input(int input) { output_like(input, unordered_value(input)); }

}  // namespace eigenbit::internal
