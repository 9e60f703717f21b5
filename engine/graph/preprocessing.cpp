#include "engine/graph/preprocessing.h"

#include "engine/base/error.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace eigenbit::internal {
namespace {

constexpr int kLargestSide = 1 << 16;

void validate_side(int pixels, std::string_view name, std::string_view where) {
    if (pixels < 0 || pixels > kLargestSide) {
        fail("{}: {} is {} pixels, 0 to {} were expected", where, name, pixels, kLargestSide);
    }
}

void validate_per_channel(const std::vector<float>& values, int channels, std::string_view name,
                          std::string_view where) {
    if (values.size() != 1 && values.size() != static_cast<std::size_t>(channels)) {
        fail("{}: {} has {} values, 1 or {} (one per channel) were expected", where, name, values.size(), channels);
    }
    for (const float value : values) {
        if (!std::isfinite(value)) fail("{}: {} is {}, a finite number was expected", where, name, value);
    }
}

constexpr auto kFitNames = std::to_array<std::string_view>({"crop", "cover", "stretch", "letterbox"});  // by Fit

}  // namespace

std::string_view fit_name(Fit fit) { return kFitNames[static_cast<std::size_t>(fit)]; }

std::optional<Fit> fit_named(std::string_view name) {
    const auto found = std::ranges::find(kFitNames, name);
    if (found == kFitNames.end()) return std::nullopt;
    return static_cast<Fit>(found - kFitNames.begin());
}

void validate(const Preprocessing& preprocessing, std::string_view where) {
    if (preprocessing.channels != 1 && preprocessing.channels != 3) {
        fail("{}: channels is {}, 1 or 3 was expected", where, preprocessing.channels);
    }
    validate_side(preprocessing.resize, "resize", where);
    validate_side(preprocessing.height, "the crop's height", where);
    validate_side(preprocessing.width, "the crop's width", where);
    if ((preprocessing.height == 0) != (preprocessing.width == 0)) {
        fail("{}: the crop is {}x{} pixels, both sides or neither were expected to be 0", where, preprocessing.height,
             preprocessing.width);
    }
    if (preprocessing.fit != Fit::crop && (preprocessing.height == 0 || preprocessing.resize != 0)) {
        fail("{}: images are to {} {}x{} pixels with their shorter side of {} pixels; a size and no shorter side were "
             "expected",
             where, fit_name(preprocessing.fit), preprocessing.height, preprocessing.width, preprocessing.resize);
    }
    validate_per_channel(preprocessing.mean, preprocessing.channels, "mean", where);
    validate_per_channel(preprocessing.std, preprocessing.channels, "std", where);
    for (const float value : preprocessing.std) {
        if (value <= 0.0F) fail("{}: std is {}, a number above 0 was expected", where, value);
    }
}

}  // namespace eigenbit::internal
