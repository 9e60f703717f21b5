#include "engine/formats/onnx/import/sizes.h"

#include "engine/base/error.h"
#include "engine/base/warning.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <initializer_list>

namespace eigenbit::internal {
namespace {

constexpr std::int64_t kLargestSide = 1 << 16;
/// Pixels of a side where nothing says how many, only to see whether anything depends on them.
constexpr std::array<std::int64_t, 2> kAssumedSides{224, 256};

using Side = std::array<std::int64_t, 2>;  // height and width

// From the first to another size at which a network is imported at the same time. One makes parities and remainders
// differ; the other suits networks that halve images several times and take no other sizes.
constexpr Side kOddDifference{37, 41};
constexpr Side kEvenDifference{128, 384};

/// How far the weights of a fully-connected layer tell the size of images.
struct SizeOfLayer {
    Side side;
    bool is_only_one;  ///< else other sizes have as many pixels
};

/// A search for the probes at which a file can be imported.
class Sizes {
  public:
    Sizes(const OnnxFile& file, std::vector<Declared> inputs, const OnnxOptions& options)
        : file_(file), inputs_(std::move(inputs)), given_{options.height, options.width} {
        for (const std::int64_t side : given_) {
            if (side < 0 || side > kLargestSide)
                fail("a side of {} pixels is given, 1 to {} was expected", side, kLargestSide);
        }
        open_ = {std::ranges::any_of(inputs_, [](const Declared& input) { return input.open_height() >= 0; }),
                 std::ranges::any_of(inputs_, [](const Declared& input) { return input.open_width() >= 0; })};
        batch_ = inputs_.front().extents[0];
    }

    ImportedNetwork import() {
        const bool leaves_size_open = (open_[0] && given_[0] == 0) || (open_[1] && given_[1] == 0);
        if (open_[0] || open_[1]) {
            for (const std::int64_t assumed : kAssumedSides) {
                const Side side{given_[0] == 0 ? assumed : given_[0], given_[1] == 0 ? assumed : given_[1]};
                if (auto network = at_any_size(side)) return std::move(*network);
                if (!leaves_size_open) break;
            }
        }
        if (!leaves_size_open) return at_size(given_);
        if (const auto fixed = size_of_layer()) {
            if (!fixed->is_only_one) {
                warn_of(
                    "an image size that a layer leaves open",
                    "The file leaves the image size open, and its fully-connected layer fits images of {}x{} and of "
                    "other sizes: {}x{} is taken, --size gives another.",
                    fixed->side[0], fixed->side[1], fixed->side[0], fixed->side[1]);
            }
            return at_size(fixed->side);
        }
        const Side side{given_[0] == 0 ? kAssumedSides[0] : given_[0], given_[1] == 0 ? kAssumedSides[0] : given_[1]};
        fail("{} (the file leaves the image size open, which was taken to be {}x{}; --size HxW gives another)",
             reason(side), side[0], side[1]);
    }

  private:
    /// Probes of the number of images: those for which a network is free of it come first.
    struct Batches {
        std::vector<std::int64_t> images;
        std::int64_t written;  ///< what the file means by the number of images where it writes it down; 0: it does not
    };

    std::vector<Batches> free_batches() const {
        if (batch_ != 0) return {{{batch_, batch_ + 1}, batch_}};
        return {{{2, 3}, 0}, {{1, 2}, 1}};  // a batch of 1 may be written into a Reshape
    }

    std::optional<ImportedNetwork> attempt(const Batches& batches, const std::vector<Side>& sides) {
        std::vector<Probe> probes;
        for (const std::int64_t images : batches.images) probes.push_back({images, sides[0][0], sides[0][1]});
        for (std::size_t i = 1; i < sides.size(); ++i) {
            probes.push_back({batches.images.front(), sides[i][0], sides[i][1]});
        }
        Translation translation = translate(file_, inputs_, probes, batches.written);
        last_misfit_ = translation.misfit;
        if (translation.graph) return ImportedNetwork{std::move(*translation.graph), batch_ == 0 ? batches.written : 0};
        last_error_ = translation.error;
        return std::nullopt;
    }

    bool takes(const Side& side) { return attempt({{std::max<std::int64_t>(batch_, 1)}, 1}, {side}).has_value(); }

    Side moved(const Side& side, const Side& by) const {
        return {side[0] + (open_[0] ? by[0] : 0), side[1] + (open_[1] ? by[1] : 0)};
    }

    /// For any batch and any size. Where a network takes images of odd sides otherwise, it depends on the size; where
    /// it does not take them at all, even ones tell.
    std::optional<ImportedNetwork> at_any_size(const Side& side) {
        const Side odd = moved(side, kOddDifference);
        for (const Batches& batches : free_batches()) {
            if (auto network = attempt(batches, {side, odd})) return network;
        }
        if (!takes(side) || takes(odd)) return std::nullopt;
        for (const Batches& batches : free_batches()) {
            if (auto network = attempt(batches, {side, moved(side, kEvenDifference)})) return network;
        }
        return std::nullopt;
    }

    ImportedNetwork at_size(const Side& side) {
        for (const Batches& batches : free_batches()) {
            if (auto network = attempt(batches, {side})) return std::move(*network);
        }
        const std::int64_t batch = std::max<std::int64_t>(batch_, 1);
        if (auto network = attempt({{batch}, batch}, {side})) return std::move(*network);
        fail("{}", reason(side));
    }

    /// Why the network cannot be imported, told with the extents that its user knows where one batch suffices to see
    /// it.
    std::string reason(const Side& side) {
        const std::int64_t batch = std::max<std::int64_t>(batch_, 1);
        if (attempt({{batch}, batch}, {side})) attempt(free_batches().front(), {side, moved(side, kOddDifference)});
        return last_error_;
    }

    /// The extents of the images before the fully-connected layer that the weights fix, where the network takes images
    /// of this size up to there.
    std::optional<Side> flattened(const Side& side, const Side& wanted) {
        if (takes(side)) return wanted;
        if (!last_misfit_) return std::nullopt;
        return Side{last_misfit_->image[0], last_misfit_->image[1]};
    }

    std::optional<SizeOfLayer> size_of_layer() {
        if (!open_[0] || !open_[1] || given_[0] != 0 || given_[1] != 0) return std::nullopt;
        const Side assumed{kAssumedSides[0], kAssumedSides[0]};
        if (takes(assumed) || !last_misfit_) return std::nullopt;
        const ColumnMisfit misfit = *last_misfit_;
        if (misfit.columns % misfit.image[2] != 0) return std::nullopt;
        const std::int64_t pixels = misfit.columns / misfit.image[2];
        auto high = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(pixels))));
        while (pixels % high != 0) ++high;
        const Side wanted{high, pixels / high};
        if (wanted[1] == 1 && high > 1) return std::nullopt;

        // Most networks halve images: first the size of which that makes the extents that are wanted.
        Side first{};
        for (std::size_t i = 0; i < 2; ++i) {
            const auto factor =
                std::bit_floor(static_cast<std::uint64_t>(assumed[i] / misfit.image[static_cast<int>(i)]));
            first[i] =
                std::min(wanted[i] * static_cast<std::int64_t>(std::max<std::uint64_t>(factor, 1)), kLargestSide);
        }
        if (takes(first)) return SizeOfLayer{first, wanted[0] == wanted[1]};
        const std::optional<Side> smallest = smallest_with(wanted, {8 * first[0] + 64, 8 * first[1] + 64});
        if (!smallest || !takes(*smallest)) return std::nullopt;
        return SizeOfLayer{*smallest, wanted[0] == wanted[1]};
    }

    /// The smallest size of which the layer sees at least these extents, both sides at once.
    std::optional<Side> smallest_with(const Side& wanted, Side highest) {
        Side low{1, 1};
        while (low != highest) {
            const Side middle{(low[0] + highest[0]) / 2, (low[1] + highest[1]) / 2};
            const Side seen = flattened(middle, wanted).value_or(Side{0, 0});  // too small to pass the layers before
            for (std::size_t i = 0; i < 2; ++i) {
                if (low[i] == highest[i]) continue;
                seen[i] >= wanted[i] ? highest[i] = middle[i] : low[i] = middle[i] + 1;
            }
        }
        return low;
    }

    const OnnxFile& file_;
    std::vector<Declared> inputs_;
    Side given_;
    std::array<bool, 2> open_{};
    std::int64_t batch_ = 0;  ///< that the file fixes; 0: none
    std::optional<ColumnMisfit> last_misfit_;
    std::string last_error_;
};

}  // namespace

ImportedNetwork import_at_some_size(const OnnxFile& file, std::vector<Declared> inputs, const OnnxOptions& options) {
    return Sizes(file, std::move(inputs), options).import();
}

}  // namespace eigenbit::internal
