#pragma once

#include "engine/formats/onnx/file.h"
#include "engine/formats/onnx/import/probes.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// The extents for which a network is imported at the same time.
struct Probe {
    std::int64_t batch;
    std::int64_t height;
    std::int64_t width;
};

/// What a file says about an input of its network.
struct Declared {
    std::string name;
    std::vector<std::int64_t> extents;  ///< as in the file; 0 where it is open
    /// Whether the file keeps the input as NHWC: these values are, which nothing reads but nodes that treat all
    /// elements alike, up to those that reorder them to NCHW (`reorders`). Else both are empty.
    std::set<std::string, std::less<>> channels_last{};
    std::set<const onnx::NodeProto*> reorders{};
    bool is_batch = true;  ///< whether its first axis goes through the images

    /// The axis along which images are as high, and as wide, as the file leaves open; −1 for none.
    int open_height() const;
    int open_width() const;
};

/// The network's inputs. `constants` are the values that depend on no input's values. Throws Error where one holds no
/// reals, or has no shape.
std::vector<Declared> read_declared(const OnnxFile& file, const std::set<std::string, std::less<>>& constants);

/// The input's shape at a probe, in our order. Throws Error where the file leaves more open than batch and size.
Shape shape_at(const Declared& declared, const Probe& probe);

/// A constant of a node that works on images kept as NHWC, as one that works on NCHW has it.
Constant reordered_constant(const Constant& channels_last);
/// Such a node's padding.
std::vector<std::int64_t> reordered_pads(std::span<const std::int64_t> channels_last);

/// Whether the node is a Transpose with this permutation.
bool has_permutation(const onnx::NodeProto& node, std::array<std::int64_t, 4> permutation);

}  // namespace eigenbit::internal
