#pragma once

#include "include/eigenbit/eigenbit.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

// A small task and a small network for it.

inline constexpr int kSide = 12;
inline const std::vector<std::string> kClasses{"left", "right", "top"};

/// Images of noise with a bright half: which one is the class.
inline eigenbit::Dataset bright_halves(int count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> pixels;
    std::vector<int> labels;
    for (int i = 0; i < count; ++i) {
        labels.push_back(i % 3);
        for (int y = 0; y < kSide; ++y) {
            for (int x = 0; x < kSide; ++x) {
                const bool bright = labels.back() == 0   ? x < kSide / 2
                                    : labels.back() == 1 ? x >= kSide / 2
                                                         : y < kSide / 2;
                pixels.push_back(static_cast<std::uint8_t>((bright ? 90 : 20) + random() % 100));
            }
        }
    }
    return eigenbit::Dataset::of({pixels, kSide, kSide, 1}, labels, kClasses);
}

inline eigenbit::Model small_network(const eigenbit::Dataset& data) {
    eigenbit::NetworkBuilder b(data.image(), 1);
    auto x = b.relu(b.batch_norm(b.conv(b.input(), {.filters = 8, .size = 3, .stride = 2})));
    x = b.relu(b.add(x, b.batch_norm(b.conv(x, {.filters = 8, .size = 3}))));
    return b.build(b.linear(b.flatten(x), data.class_count()));
}
