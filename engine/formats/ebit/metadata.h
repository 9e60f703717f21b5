#pragma once

#include "engine/formats/ebit/bytes.h"
#include "engine/graph/model.h"

namespace eigenbit::internal {

/// Writes what a model has beside its graph: preprocessing, class names, notes.
std::vector<std::uint8_t> write_metadata(const Model& model);

/// Reads them into the model. Throws Error.
void read_metadata(ByteReader& reader, Model& model);

}  // namespace eigenbit::internal
