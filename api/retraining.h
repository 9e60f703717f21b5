#pragma once

#include "engine/formats/ebit/levels.h"
#include "engine/graph/model.h"

namespace eigenbit::internal {

/// The share of their bits that levels keep at so many bits a weight of the original layers, when side information
/// keeps all of its own. Throws Error where training cannot reach the rate.
double share_of_level_bits(const Model& model, LevelStorage storage, double rate);

/// Lets the model's note tell the rate that its file has now, which is returned; 0 where there is no such note.
double update_rate_note(Model& model, LevelStorage storage);

}  // namespace eigenbit::internal
