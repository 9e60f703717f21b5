#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>

namespace eigenbit::internal {

/// Random numbers that depend on nothing but the key, so that whatever is drawn for (seed, epoch, image) is the same on
/// every machine and with any number of threads. SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014).
class Random {
  public:
    explicit Random(std::initializer_list<std::uint64_t> key) {
        for (const std::uint64_t part : key) state_ = mix(state_ + kGolden) ^ mix(part + kGolden);
    }

    std::uint64_t bits() { return mix(state_ += kGolden); }
    /// 0 … bound-1; bound is 1 … 2³².
    std::int64_t below(std::int64_t bound) {
        return static_cast<std::int64_t>(((bits() >> 32) * static_cast<std::uint64_t>(bound)) >> 32);
    }
    bool coin() { return (bits() >> 63) != 0; }
    /// In [0, 1).
    double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
    /// Mean 0, variance 1 (Box and Muller 1958: one of the pair at a time).
    double normal() {
        if (has_spare_) {
            has_spare_ = false;
            return spare_;
        }
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        const double angle = 2.0 * std::numbers::pi * uniform();
        spare_ = radius * std::sin(angle);
        has_spare_ = true;
        return radius * std::cos(angle);
    }

  private:
    static constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

    static std::uint64_t mix(std::uint64_t value) {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    std::uint64_t state_ = 0;
    double spare_ = 0.0;
    bool has_spare_ = false;
};

}  // namespace eigenbit::internal
