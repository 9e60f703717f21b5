#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

/// What the bytes of a packed file are spent on.
enum class SizeCategory {
    header,            ///< with the table of contents
    graph,             ///< names, shapes, operators and their attributes, quantizers of activations
    metadata,          ///< preprocessing, class names, notes
    float_parameters,  ///< biases, normalisation, weights that are not quantized
    kernel_levels,
    basis_levels,
    side_information,  ///< of levels: bit depths, steps, gains, lengths of entropy-coded streams
    padding
};
inline constexpr std::size_t kSizeCategories = 8;

/// "kernel levels" …
std::string_view to_string(SizeCategory category);

/// Charges every byte of a file to a layer and a category.
class SizeLedger {
  public:
    struct Layer {
        std::string name;  ///< of the node; empty for what belongs to the file as a whole
        std::array<std::int64_t, kSizeCategories> bytes{};

        std::int64_t total() const;
        /// What a rate counts: levels of kernels and bases, and side information.
        std::int64_t weight_bytes() const;
    };

    void charge(std::string_view layer, SizeCategory category, std::int64_t bytes);
    /// Charges all that the other has charged.
    void add(const SizeLedger& other);

    /// In the order in which they were first charged.
    const std::vector<Layer>& layers() const { return layers_; }
    std::int64_t total(SizeCategory category) const;
    /// What the file's rate counts.
    std::int64_t weight_bytes() const;
    /// The file's length.
    std::int64_t total() const;

  private:
    std::vector<Layer> layers_;
    std::map<std::string, std::size_t, std::less<>> positions_;  // of layers by name
};

}  // namespace eigenbit::internal
