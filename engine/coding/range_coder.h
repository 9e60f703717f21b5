#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace eigenbit {

/// An adaptive estimate of the probability that a binary decision is 1: the running mean of what was seen, with the
/// weight of a new observation falling from 1/(n + 1.5) to 1/512. Integer arithmetic only, so that the same decisions
/// cost the same on every machine.
class AdaptiveBit {
  public:
    /// Starts at ½, trusting it little.
    AdaptiveBit() = default;
    /// Starts at this probability with the weight of so many observations.
    constexpr AdaptiveBit(std::uint32_t per_mille, std::uint32_t observations)
        : state_(std::clamp(per_mille * (kOne / 1000), kSmallest, kLargest) << kCountBits | observations) {}

    /// In 2⁻¹⁶, at least 2⁻¹¹ and at most 1 − 2⁻¹¹.
    std::uint32_t probability() const { return state_ >> (kCountBits + kProbabilityBits - 16); }

    void update(bool bit) {
        const std::uint32_t count = state_ & kMostObservations;
        const auto probability = static_cast<std::int64_t>(state_ >> kCountBits);
        const std::int64_t towards = bit ? kLargest : kSmallest;
        const std::int64_t moved = probability + (((towards - probability) * kWeights[count]) >> 16);
        state_ = static_cast<std::uint32_t>(moved) << kCountBits | std::min(count + 1, kMostObservations);
    }

  private:
    static constexpr int kCountBits = 9;
    static constexpr int kProbabilityBits = 23;
    static constexpr std::uint32_t kMostObservations = (1U << kCountBits) - 1;
    static constexpr std::uint32_t kOne = 1U << kProbabilityBits;
    static constexpr std::uint32_t kSmallest = kOne >> 11;
    static constexpr std::uint32_t kLargest = kOne - kSmallest;
    static constexpr std::array<std::uint16_t, kMostObservations + 1> kWeights = [] {
        std::array<std::uint16_t, kMostObservations + 1> weights{};
        for (std::uint32_t n = 0; n < weights.size(); ++n) {
            weights[n] = static_cast<std::uint16_t>((1U << 17) / (2 * n + 3));
        }
        return weights;
    }();

    std::uint32_t state_ = kOne / 2 << kCountBits | 2;
};

/// Binary arithmetic coder with a 64-bit interval (range coder; Martin 1979, Rissanen and Langdon 1979), which it
/// doubles 32 times as soon as it has shrunk below 2³². Encoder, decoder and meter have the same members, so that one
/// function template describes what is coded, and serves all three.
class RangeEncoder {
  public:
    static constexpr bool kDecodes = false;

    bool bit(AdaptiveBit& estimate, bool value) {
        const std::uint64_t bound = (range_ >> 16) * estimate.probability();
        if (value) {
            range_ = bound;
        } else {
            add(bound);
            range_ -= bound;
        }
        estimate.update(value);
        normalize();
        return value;
    }

    /// `count` bits, 1 to 16, that are all equally likely.
    std::uint32_t raw(int count, std::uint32_t value) {
        range_ >>= count;
        add(range_ * value);
        normalize();
        return value;
    }

    /// What has been written so far, in bits, rounded up.
    std::int64_t position() const { return position_of(bytes_.size(), range_); }

    /// The shortest bytes that decode to what was coded, for a decoder that reads zeros after their end.
    std::vector<std::uint8_t> finish() && {
        for (int kept = 0; kept <= 8; ++kept) {
            const std::uint64_t below = kept == 8 ? 0 : ~std::uint64_t{0} >> (8 * kept);
            const std::uint64_t rounded = (low_ + below) & ~below;  // may wrap: then a carry is due
            if (rounded - low_ >= range_) continue;
            if (rounded < low_) carry();
            for (int i = 0; i < kept; ++i) bytes_.push_back(static_cast<std::uint8_t>(rounded >> (56 - 8 * i)));
            break;
        }
        while (!bytes_.empty() && bytes_.back() == 0) bytes_.pop_back();
        return std::move(bytes_);
    }

    static std::int64_t position_of(std::size_t bytes, std::uint64_t range) {
        return 8 * static_cast<std::int64_t>(bytes) + 64 - std::bit_width(range) + 1;
    }

  private:
    void add(std::uint64_t offset) {
        low_ += offset;
        if (low_ < offset) carry();
    }
    void carry() {
        for (std::size_t i = bytes_.size(); ++bytes_[--i] == 0;) {
        }
    }
    void normalize() {
        if (range_ >> 32 != 0) return;
        for (int shift = 56; shift >= 32; shift -= 8) bytes_.push_back(static_cast<std::uint8_t>(low_ >> shift));
        low_ <<= 32;
        range_ <<= 32;
    }

    std::vector<std::uint8_t> bytes_;
    std::uint64_t low_ = 0;
    std::uint64_t range_ = ~std::uint64_t{0};
};

/// Reads what RangeEncoder wrote. Any bytes decode to something; after their end it reads zeros.
class RangeDecoder {
  public:
    static constexpr bool kDecodes = true;

    explicit RangeDecoder(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
        code_ = next() << 32;
        code_ |= next();
    }

    bool bit(AdaptiveBit& estimate, bool /*value*/) {
        const std::uint64_t bound = (range_ >> 16) * estimate.probability();
        const bool value = code_ < bound;
        if (value) {
            range_ = bound;
        } else {
            code_ -= bound;
            range_ -= bound;
        }
        estimate.update(value);
        normalize();
        return value;
    }

    std::uint32_t raw(int count, std::uint32_t /*value*/) {
        range_ >>= count;
        const std::uint64_t value = std::min(code_ / range_, (std::uint64_t{1} << count) - 1);
        code_ -= range_ * value;
        normalize();
        return static_cast<std::uint32_t>(value);
    }

    /// As the encoder's at the same place.
    std::int64_t position() const { return RangeEncoder::position_of(read_ - 8, range_); }
    /// No bytes are left over.
    bool at_end() const { return read_ >= bytes_.size(); }

  private:
    std::uint64_t next() {
        std::uint64_t word = 0;
        for (std::size_t i = read_; i < read_ + 4; ++i) word = word << 8 | (i < bytes_.size() ? bytes_[i] : 0U);
        read_ += 4;
        return word;
    }
    void normalize() {
        if (range_ >> 32 != 0) return;
        range_ <<= 32;
        code_ = code_ << 32 | next();
    }

    std::span<const std::uint8_t> bytes_;
    std::size_t read_ = 0;
    std::uint64_t code_ = 0;
    std::uint64_t range_ = ~std::uint64_t{0};
};

/// Measures what RangeEncoder would write, exactly, without writing it.
class RangeMeter {
  public:
    static constexpr bool kDecodes = false;

    bool bit(AdaptiveBit& estimate, bool value) {
        const std::uint64_t bound = (range_ >> 16) * estimate.probability();
        range_ = value ? bound : range_ - bound;
        estimate.update(value);
        normalize();
        return value;
    }
    std::uint32_t raw(int count, std::uint32_t value) {
        range_ >>= count;
        normalize();
        return value;
    }

    double bits() const { return 32.0 * static_cast<double>(shifts_) + 64.0 - std::log2(static_cast<double>(range_)); }

  private:
    void normalize() {
        if (range_ >> 32 != 0) return;
        range_ <<= 32;
        ++shifts_;
    }

    std::uint64_t range_ = ~std::uint64_t{0};
    std::int64_t shifts_ = 0;
};

}  // namespace eigenbit
