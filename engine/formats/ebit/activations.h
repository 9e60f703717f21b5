#pragma once

#include "engine/formats/ebit/bytes.h"
#include "engine/graph/graph.h"

namespace eigenbit::internal {

/// A quantizer: depth, zero point, step.
void write_quantizer(ByteWriter& writer, const ActivationQuantizer& quantizer);
/// Throws Error where it is impossible.
ActivationQuantizer read_quantizer(ByteReader& reader);

/// Writes the quantizers of activations. Throws Error when one is of a value that is not in the graph.
std::vector<std::uint8_t> write_activations(const Graph& graph);

/// Gives them to a graph that was just read, whose values have the numbers of the file. Throws Error.
void read_activations(ByteReader& reader, Graph& graph);

}  // namespace eigenbit::internal
