#pragma once

#include "engine/formats/ebit/bytes.h"
#include "engine/weights/quantized.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace eigenbit::internal {

/// How a file stores levels: the coder of section LEVL.
enum class LevelStorage {
    fixed = 0,   ///< packed at each block's bit depth
    entropy = 2  ///< adaptive entropy coding
};
constexpr bool is_level_storage(int coder) {
    return coder == static_cast<int>(LevelStorage::fixed) || coder == static_cast<int>(LevelStorage::entropy);
}

/// A quantized weight, or a factor of one, whose levels are written or read.
template <typename QuantizedType>
struct StoredLevels {
    std::string name;  ///< for errors
    QuantizedType* weight;
};

/// The bytes of levels, and what they are spent on.
struct LevelBytes {
    std::vector<std::uint8_t> bytes;
    std::int64_t side_information = 0;  ///< lengths of streams
    std::vector<std::int64_t> weights;  ///< one for each
};

/// The levels of all blocks of depth 1 and more, one after the other.
LevelBytes write_levels(std::span<const StoredLevels<const Quantized>> weights, LevelStorage storage);

/// Fills in the levels, given all else, from the bytes of section LEVL. Throws Error, beginning with `where`.
void read_levels(std::span<const std::uint8_t> bytes, std::string where, LevelStorage storage,
                 std::vector<StoredLevels<Quantized>> weights);

/// The levels of a file as its section LEVL has them, read weight by weight as they are needed. The bytes must outlive
/// it. Any number of threads may read.
class LevelReader {
  public:
    /// `weights` have all but their levels, in the order of the file. Throws Error where streams do not fit the bytes.
    LevelReader(std::span<const std::uint8_t> bytes, std::string where, LevelStorage storage,
                std::vector<StoredLevels<Quantized>> weights);
    LevelReader(LevelReader&&) noexcept;
    ~LevelReader();

    std::size_t size() const;
    /// The levels of one weight. Throws Error where its blocks cannot be read.
    std::vector<std::int16_t> read(std::size_t weight) const;
    /// Those of one of its blocks, in the order of the weight.
    std::vector<std::int16_t> read_block(std::size_t weight, std::size_t block) const;

    struct State;

  private:
    std::unique_ptr<const State> state_;
};

}  // namespace eigenbit::internal
