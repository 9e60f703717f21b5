#pragma once

#include "engine/graph/graph.h"
#include "include/eigenbit/model.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

using eigenbit::ImageSize;

/// What a data specification says with its option size=.
ImageSize size_in_spec(std::string_view spec);
/// The specification with this size, for a network that takes any; those that say how images are cut already, or that
/// take images as they are, stay what they are.
std::string spec_of_size(const std::string& spec, const Graph& graph, const ImageSize& size);

/// The shapes of the network's inputs for so many images, of this size where it leaves that open.
std::vector<Shape> input_shapes(const Graph& graph, std::int64_t images, const ImageSize& size);

}  // namespace eigenbit::internal
