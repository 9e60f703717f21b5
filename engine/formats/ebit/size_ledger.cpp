#include "engine/formats/ebit/size_ledger.h"

#include <numeric>

namespace eigenbit::internal {

std::string_view to_string(SizeCategory category) {
    constexpr std::array<std::string_view, kSizeCategories> kNames{"header",           "graph",         "metadata",
                                                                   "float parameters", "kernel levels", "basis levels",
                                                                   "side information", "padding"};
    return kNames[static_cast<std::size_t>(category)];
}

std::int64_t SizeLedger::Layer::total() const { return std::accumulate(bytes.begin(), bytes.end(), std::int64_t{0}); }

std::int64_t SizeLedger::Layer::weight_bytes() const {
    std::int64_t sum = 0;
    for (const SizeCategory category :
         {SizeCategory::kernel_levels, SizeCategory::basis_levels, SizeCategory::side_information}) {
        sum += bytes[static_cast<std::size_t>(category)];
    }
    return sum;
}

void SizeLedger::charge(std::string_view layer, SizeCategory category, std::int64_t bytes) {
    auto position = positions_.find(layer);
    if (position == positions_.end()) {
        position = positions_.emplace(layer, layers_.size()).first;
        layers_.push_back({.name = std::string(layer), .bytes = {}});
    }
    layers_[position->second].bytes[static_cast<std::size_t>(category)] += bytes;
}

void SizeLedger::add(const SizeLedger& other) {
    for (const Layer& layer : other.layers_) {
        for (std::size_t i = 0; i < kSizeCategories; ++i) {
            charge(layer.name, static_cast<SizeCategory>(i), layer.bytes[i]);
        }
    }
}

std::int64_t SizeLedger::total(SizeCategory category) const {
    std::int64_t sum = 0;
    for (const Layer& layer : layers_) sum += layer.bytes[static_cast<std::size_t>(category)];
    return sum;
}

std::int64_t SizeLedger::weight_bytes() const {
    std::int64_t sum = 0;
    for (const Layer& layer : layers_) sum += layer.weight_bytes();
    return sum;
}

std::int64_t SizeLedger::total() const {
    std::int64_t sum = 0;
    for (const Layer& layer : layers_) sum += layer.total();
    return sum;
}

}  // namespace eigenbit::internal
