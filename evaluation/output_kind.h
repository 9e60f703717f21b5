#pragma once

#include "engine/graph/graph.h"

#include <string_view>

namespace eigenbit::internal {

/// What the numbers of a network's first output stand for.
enum class OutputKind {
    scores,         ///< one for each class, of which a softmax makes shares; logarithms of probabilities too
    probabilities,  ///< one for each class, made by the network's own softmax
    probability,    ///< of the one thing that the network tells, made by a sigmoid
    labels,         ///< probabilities of labels that each hold or not, made by sigmoids
    image,          ///< of the input's channels and size, or a multiple of the size
    values,         ///< anything else
};

/// For an input (N, H, W, C) of this shape. Extents of 1 count for nothing, and what only moves values is seen through.
OutputKind output_kind(const Graph& graph, const Shape& input);

/// "one score for each class"
std::string_view to_string(OutputKind kind);

/// Whether the greatest of the numbers names the class of an image.
inline bool names_classes(OutputKind kind) {
    return kind == OutputKind::scores || kind == OutputKind::probabilities || kind == OutputKind::labels;
}

}  // namespace eigenbit::internal
