#include "compress/rewrite.h"

#include <algorithm>

namespace eigenbit {
namespace {

/// A quantized matrix (r × c) as (c × r).
Parameter transposed(const Parameter& matrix) {
    const Shape& shape = matrix.values.shape();
    Parameter result{Tensor(Shape{shape[1], shape[0]}), matrix.quantization};
    for (std::int64_t row = 0; row < shape[0]; ++row) {
        for (std::int64_t column = 0; column < shape[1]; ++column) {
            const std::int64_t from = row * shape[1] + column;
            const std::int64_t to = column * shape[0] + row;
            result.values[to] = matrix.values[from];
            if (!result.quantization) continue;
            result.quantization->indices[static_cast<std::size_t>(to)] =
                matrix.quantization->indices[static_cast<std::size_t>(from)];
        }
    }
    if (result.quantization) result.quantization->axis = 1 - matrix.quantization->axis;
    return result;
}

/// The same elements under another shape; `axis` is where the axis that the blocks cut has gone.
Parameter reshaped(Parameter parameter, const Shape& shape, int axis) {
    parameter.values.reshape(shape);
    if (parameter.quantization) parameter.quantization->axis = axis;
    return parameter;
}

/// Inserts and replaces nodes around one layer.
class LayerRewriter {
  public:
    LayerRewriter(Graph& graph, const Layer& layer, QuantizedLayer quantized)
        : graph_(graph),
          position_(layer.node),
          name_(graph.nodes()[layer.node].name),
          quantized_(std::move(quantized)),
          convolution_(std::holds_alternative<Conv>(graph.nodes()[layer.node].op)) {
        const Shape& shape = graph.parameter(layer.weight).values.shape();
        kernel_ = convolution_ ? std::array{shape[1], shape[2]} : std::array<std::int64_t, 2>{1, 1};
    }

    void run() {
        if (quantized_.block_axis == Axis::taps && !quantized_.bases.empty()) {
            synthesize_weights();
            return;
        }
        replace_weight(add_parameter("T", coefficients()));
        // The inputs first: afterwards it is S of the columns that stands at the layer's position.
        for (const auto& basis : quantized_.bases) {
            if (basis.axis == Axis::row) mix_inputs(basis.synthesis);
        }
        for (const auto& basis : quantized_.bases) {
            if (basis.axis == Axis::column) mix_outputs(basis.synthesis);
        }
    }

  private:
    ValueId add_parameter(std::string_view suffix, Parameter parameter) {
        const ValueId value = graph_.add_parameter(name_ + "." + std::string(suffix), Tensor());
        graph_.parameter(value) = std::move(parameter);
        return value;
    }

    /// T in the layout of the layer's operator: (O, KH, KW, I) or (O, I).
    Parameter coefficients() {
        const Shape shape = quantized_.coefficients.values.shape();
        const int axis = quantized_.coefficients.quantization->axis;
        if (!convolution_)
            return reshaped(std::move(quantized_.coefficients), Shape{shape[0], shape[2]}, axis == 0 ? 0 : 1);
        return reshaped(std::move(quantized_.coefficients), Shape{shape[0], kernel_[0], kernel_[1], shape[2]},
                        axis == 0 ? 0 : axis + 1);
    }

    /// A 1×1 layer's weights from a matrix (outputs × inputs).
    Parameter pointwise(Parameter matrix) const {
        const Shape shape = matrix.values.shape();
        if (!convolution_) return matrix;
        const int axis = matrix.quantization->axis == 0 ? 0 : 3;
        return reshaped(std::move(matrix), Shape{shape[0], 1, 1, shape[1]}, axis);
    }

    Operator pointwise_operator() const { return convolution_ ? Operator(Conv{}) : Operator(Gemm{}); }
    Node& node() { return graph_.node(position_); }
    void replace_weight(ValueId weight) { node().inputs[1] = weight; }

    /// x → Sᵗx in front of the layer.
    void mix_inputs(const Parameter& synthesis) {
        const ValueId weight = add_parameter("S.row", pointwise(transposed(synthesis)));
        const ValueId input = node().inputs[0];
        const ValueId mixed = graph_.insert_node(position_, name_ + ".S.row", pointwise_operator(), {input, weight});
        ++position_;
        node().inputs[0] = mixed;
    }

    /// The layer itself moves to a new node in front, without its bias, and S takes its place.
    void mix_outputs(const Parameter& synthesis) {
        const ValueId weight = add_parameter("S.column", pointwise(synthesis));
        Node layer = node();
        const ValueId mixed = graph_.insert_node(position_, name_ + ".T", layer.op, {layer.inputs[0], layer.inputs[1]});
        ++position_;
        node().op = pointwise_operator();
        node().inputs[0] = mixed;
        node().inputs[1] = weight;
    }

    /// Θ (O, taps, I) = S (taps × k) · T (O, k, I), computed in front of the layer.
    void synthesize_weights() {
        const Shape shape = quantized_.coefficients.values.shape();
        const ValueId coefficients = add_parameter("T", std::move(quantized_.coefficients));
        const ValueId basis = add_parameter("S.taps", std::move(quantized_.bases.front().synthesis));
        const ValueId product = graph_.insert_node(position_++, name_ + ".S.taps", MatMul{}, {basis, coefficients});
        const Reshape to_layer =
            convolution_ ? Reshape{{shape[0], kernel_[0], kernel_[1], shape[2]}} : Reshape{{shape[0], shape[2]}};
        const ValueId weight = graph_.insert_node(position_++, name_ + ".weights", to_layer, {product});
        replace_weight(weight);
    }

    Graph& graph_;
    std::size_t position_;  // of the node that puts out the layer's result
    std::string name_;
    QuantizedLayer quantized_;
    bool convolution_;
    std::array<std::int64_t, 2> kernel_{};
};

}  // namespace

void rewrite(Graph& graph, const Layer& layer, QuantizedLayer quantized) {
    LayerRewriter(graph, layer, std::move(quantized)).run();
    graph.remove_unused_parameters();
}

}  // namespace eigenbit
