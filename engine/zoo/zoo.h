#pragma once

#include "engine/graph/graph.h"

#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The published networks that can be built by name, in the order in which they are listed to users.
std::vector<std::string_view> network_names();

/// An untrained network for images of shape (H, W, C). The same seed gives the same weights. Throws Error, listing the
/// names there are, when the name is unknown, and when the image does not fit the network.
Graph build_network(std::string_view name, const Shape& image, std::int64_t classes, std::uint64_t seed);

}  // namespace eigenbit::internal
