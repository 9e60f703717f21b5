#pragma once

#include "model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

struct Attribute;

/// Names of choices are texts.
using AttributeValue = std::variant<bool, std::int64_t, float, std::string, Extents, std::vector<float>,
                                    std::vector<std::vector<Attribute>>>;

/// Of an operator, such as a convolution's strides.
struct Attribute {
    std::string name;        ///< such as "stride"
    AttributeValue value{};  ///< of one of the types above
};

/// How a layer's levels are spread; of a product of factors, those of its kernel.
struct LevelsOfLayer {
    int lowest_bit_depth = 0;        ///< of all blocks
    int highest_bit_depth = 0;       ///< of all blocks
    std::int64_t weights = 0;        ///< that the levels stand for
    std::int64_t bytes = 0;          ///< in the file, of levels of all factors and what describes them
    std::int64_t channels = 0;       ///< along the axis that blocks cut
    std::int64_t zero_channels = 0;  ///< of these, those whose weights are all zero

    /// Of the file, over the weights that the levels stand for.
    double bits_per_weight() const { return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights); }
};

/// A node that has parameters, or multiplies by weights that others compute from theirs.
struct LayerInspection {
    std::string name;                       ///< of the node
    std::string type;                       ///< of its operator, such as "conv"
    bool is_layer = false;                  ///< a convolution or fully-connected
    std::vector<Attribute> attributes{};    ///< of its operator
    Extents weight{};                       ///< convolution (outputs, height, width, inputs of a group)
    Extents output{};                       ///< for one image
    std::int64_t parameters = 0;            ///< elements of all of them
    std::int64_t multiply_accumulates = 0;  ///< for one image
    std::optional<int> input_bits{};        ///< depth of a rounded input
    std::optional<LevelsOfLayer> levels{};  ///< of quantized weights
};

/// What the weights of a network's layers take in memory where it runs in int8.
struct WeightMemory {
    std::int64_t bytes = 0;    ///< of packed weights, biases and constants
    std::int64_t weights = 0;  ///< how many there are

    /// Of memory, for each weight.
    double bits_per_weight() const { return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights); }
};

/// A network layer by layer.
struct Inspection {
    std::vector<LayerInspection> layers{};  ///< in the order in which they run
    std::vector<Extents> inputs{};          ///< for one image, of the size that the network was loaded for, or 224
    std::int64_t parameters = 0;            ///< elements of all of them
    std::int64_t multiply_accumulates = 0;  ///< for one image
    /// What the bytes of its .ebit file are spent on, by "kernel levels", "side information" …; none of a network that
    /// was neither compressed nor read from one.
    std::vector<std::pair<std::string, std::int64_t>> bytes{};
    bool has_activation_quantizers = false;  ///< whether activations are rounded
    std::optional<WeightMemory> memory{};    ///< none where layers lack quantizers
};

/// Looks at a network layer by layer. Takes as long as writing its .ebit file. Throws Error where images of the size do
/// not fit.
Inspection inspect(const Model& model);

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
