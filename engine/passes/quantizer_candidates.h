#pragma once

#include "engine/graph/graph.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// Activations to quantize to 8 bits, in the order in which the network computes them: inputs of layers, or the whole
/// where all parts of what a layer computes are such inputs; where the outputs of two layers are added (a projection
/// shortcut), that of the later one, if the addition is all that reads the earlier one's, as it is fused into that; and
/// what layers compute and nothing but averages of whole images reads, whose roundings average out. `shapes` are those
/// of all values, by ValueId.
std::vector<ValueId> quantizer_candidates(const Graph& graph, std::span<const Shape> shapes);

/// Gives a candidate a quantizer, and its parts the same one where a Split alone reads it.
void quantize_candidate(Graph& graph, ValueId value, const ActivationQuantizer& quantizer);

/// A convolution or fully-connected node that int8 execution computes in floats.
struct FloatLayer {
    std::string name;
    std::string reason;            ///< "its input has no quantizer" …
    bool lacks_quantizer = false;  ///< its input could have one
};

/// All of them, in order; none where int8 execution computes every layer in int8.
std::vector<FloatLayer> float_layers(const Graph& graph);

/// Whether int8 execution computes a node, a layer, in int8.
bool is_int8_layer(const Graph& graph, std::size_t node);

/// Whether all layers have an input of up to 8 bits that can have one, and any has: what int8 execution asks for.
bool runs_in_int8(const Graph& graph);

}  // namespace eigenbit::internal
