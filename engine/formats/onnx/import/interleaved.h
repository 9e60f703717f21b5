#pragma once

#include "engine/formats/onnx/import/graph_builder.h"

#include <optional>

namespace eigenbit::internal {

/// A layer whose channels DepthToSpace makes blocks of pixels of, perhaps without some at the border: a transposed or a
/// sub-pixel convolution. What follows and treats all pixels alike can be computed before, on the layer's own value.
struct InterleavedLayer {
    ValueId layer;
    DepthToSpace op;
    std::optional<Slice> cut;

    /// How many channels become pixels of one.
    std::int64_t phases() const { return op.block * op.width(); }
    /// One value for each channel as one for each of the layer's.
    Tensor repeated(ConstView of_channels) const;
    /// What DepthToSpace makes of another value like the layer's.
    ValueId interleave(GraphBuilder& graph, ValueId value) const;
};

/// The layer behind a value; none where there is none.
std::optional<InterleavedLayer> interleaved_layer(GraphBuilder& graph, ValueId value);

}  // namespace eigenbit::internal
