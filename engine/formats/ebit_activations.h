#pragma once

#include "engine/formats/ebit_bytes.h"
#include "engine/graph.h"

namespace eigenbit {

/// A quantizer: depth, zero point, step.
void write_quantizer(ByteWriter& writer, const ActivationQuantization& quantizer);
/// Throws Error where it is impossible.
ActivationQuantization read_quantizer(ByteReader& reader);

/// Writes the grids that values between layers are rounded to. Throws Error when a rounded value is not in the graph.
std::vector<std::uint8_t> write_activations(const Graph& graph);

/// Gives them to a graph that was just read, whose values have the numbers of the file. Throws Error.
void read_activations(ByteReader& reader, Graph& graph);

}  // namespace eigenbit
