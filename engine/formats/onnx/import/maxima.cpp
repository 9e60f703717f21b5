#include "engine/formats/onnx/import/maxima.h"

#include "engine/formats/onnx/file.h"
#include "engine/formats/onnx/layout.h"
#include "engine/formats/onnx/shapes.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

using Form = Maxima::Form;

/// What becomes of the indices of every pixel: those of the first pixel of each plane, if it is that.
std::optional<Form> sliced(NodeImport& node, const Maxima& maxima) {
    if (maxima.form != Form::indices || !(maxima.pool == MaxPool{}) || node.rank(0) != 4) return std::nullopt;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const std::vector<Slice::Range> ranges = slice_ranges(node.at(probe), 4);
        for (std::size_t axis = 0; axis < 4; ++axis) {
            const SlicePositions chosen = select(ranges[axis], node.shapes(0)[probe][static_cast<int>(axis)]);
            const std::int64_t wanted = axis < 2 ? node.shapes(0)[probe][static_cast<int>(axis)] : 1;
            if (chosen.begin != 0 || chosen.count != wanted || ranges[axis].step != 1) return std::nullopt;
        }
    }
    return Form::of_first_pixels;
}

std::optional<Form> subtracted(NodeImport& node, const Maxima& maxima) {
    const std::optional<Maxima>& other = node.maxima(1);
    const bool fits = maxima.form == Form::indices && other && other->form == Form::of_first_pixels;
    return fits && other->image == maxima.image ? std::optional(Form::inside_planes) : std::nullopt;
}

/// Whether a constant holds the index of the first pixel of each plane.
std::optional<Form> added(NodeImport& node, const Maxima& maxima, int constant) {
    if (maxima.form != Form::inside_planes || !node.is_constant(constant)) return std::nullopt;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const Shape image = to_onnx_order(node.graph().shapes(maxima.image)[probe]);
        const Constant& first = node.at(probe).constant(constant);
        if (!first.is_integer() || !(first.shape == Shape{image[0], image[1], 1, 1})) return std::nullopt;
        for (std::int64_t plane = 0; plane < image[0] * image[1]; ++plane) {
            if (first.integers()[static_cast<std::size_t>(plane)] != plane * image[2] * image[3]) return std::nullopt;
        }
    }
    return Form::indices;
}

/// Whether what is asked for is this, at every probe.
bool asks_for(NodeImport& node, std::string_view name, std::int64_t value) {
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        if (node.at(probe).integers(name, 1) != std::vector{value}) return false;
    }
    return true;
}

std::optional<Form> form_after(NodeImport& node, const Maxima& maxima, int input) {
    const std::string& type = node.proto().op_type();
    if (type == "Add") return added(node, maxima, 1 - input);
    if (input != 0) return std::nullopt;
    if (type == "Slice") return sliced(node, maxima);
    if (type == "Sub") return subtracted(node, maxima);
    if (type == "Reshape" && maxima.form == Form::indices && asks_for(node, "shape", -1)) return Form::in_a_row;
    if (type == "Unsqueeze" && maxima.form == Form::in_a_row && asks_for(node, "axes", -1)) return Form::in_a_row;
    return std::nullopt;
}

/// Zeros, of which those at the maxima are replaced.
bool scatters_to_zeros(NodeImport& node, const Maxima& maxima) {
    if (node.proto().op_type() != "ScatterND" || maxima.form != Form::in_a_row || !node.is_constant(0)) return false;
    if (maxima.counts_columns_first || node.at(0).text("reduction").value_or("none") != "none") return false;
    for (std::size_t probe = 0; probe < node.probes(); ++probe) {
        const Constant& zeros = node.at(probe).constant(0);
        if (zeros.is_integer() || !(zeros.shape == Shape{node.graph().shapes(maxima.image)[probe].elements()}))
            return false;
        if (!std::ranges::all_of(zeros.reals(), [](float value) { return value == 0.0F; })) return false;
    }
    return true;
}

void unpool(NodeImport& node, const Maxima& maxima) {
    GraphBuilder& graph = node.graph();
    const ProbedShapes in_a_row = node.shapes(0);
    const ValueId values = graph.onnx_reshape(node.value(2), node.shapes(1));
    node.output(graph.onnx_reshape(graph.add(MaxUnpool{maxima.pool}, {values, maxima.image}), in_a_row));
}

}  // namespace

bool is_unpooling(const onnx::NodeProto& scatter,
                  const std::map<std::string, const onnx::NodeProto*, std::less<>>& producers) {
    if (scatter.op_type() != "ScatterND" || scatter.input_size() != 3) return false;
    std::string value = scatter.input(1);
    for (const std::string_view type : {"Unsqueeze", "Reshape", "Add", "Sub"}) {
        const auto found = producers.find(value);
        if (found == producers.end() || found->second->op_type() != type) return false;
        value = found->second->input(0);
    }
    const auto pool = producers.find(value);
    return pool != producers.end() && pool->second->op_type() == "MaxPool" && pool->second->output(0) != value;
}

bool import_maxima(ImportState& state, const onnx::NodeProto& proto) {
    for (int input = 0; input < proto.input_size(); ++input) {
        const auto found = state.values.find(proto.input(input));
        if (found == state.values.end() || !found->second.maxima) continue;
        Maxima maxima = *found->second.maxima;
        const ValueId activation = found->second.activation;
        NodeImport node(proto, state);
        state.graph.begin_node(node_name(proto));
        if (const auto form = form_after(node, maxima, input)) {
            maxima.form = *form;
            node.output_maxima(activation, maxima, 0);
            return true;
        }
        if (input != 1 || !scatters_to_zeros(node, maxima)) return false;
        unpool(node, maxima);
        return true;
    }
    return false;
}

}  // namespace eigenbit::internal
