#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace eigenbit::internal {

/// What is coded is an interval out of 0 … kIntervals-1: its share of them is the probability that it stands for.
struct Interval {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;  ///< 1 … kIntervals
};
inline constexpr int kIntervalBits = 15;
inline constexpr std::uint32_t kIntervals = 1U << kIntervalBits;

/// The state of an asymmetric numeral system (rANS; Duda 2013) lies in 2^kStateBits … 2^(kStateBits + 32) - 1. There
/// are two of them, lanes, so that the decoding of one level need not wait for that of the level before; both take
/// their words from the same sequence. What is decoded last is encoded first.
inline constexpr int kLanes = 2;
inline constexpr int kStateBits = 20;
inline constexpr std::uint64_t kInitialState = std::uint64_t{1} << kStateBits;

/// Measures what intervals cost, without coding them.
class IntervalMeter {
  public:
    static constexpr bool kDecodes = false;

    void put(int /*lane*/, Interval interval) {
        share_ = (share_ >> kIntervalBits) * interval.size;
        if (share_ >> 32 != 0) return;
        share_ <<= 32;
        ++shifts_;
    }

    double bits() const { return 32.0 * static_cast<double>(shifts_) + 64.0 - std::log2(static_cast<double>(share_)); }

  private:
    std::uint64_t share_ = ~std::uint64_t{0};  // the product of all shares, in 2⁻⁶⁴, shifted up
    std::int64_t shifts_ = 0;                  // by so many words
};

class IntervalEncoder {
  public:
    static constexpr bool kDecodes = false;

    void put(int lane, Interval interval) {
        meter_.put(lane, interval);
        steps_.push_back(interval.begin | interval.size << kIntervalBits | static_cast<std::uint32_t>(lane) << 31);
    }

    /// What has been put so far costs so many bits.
    double bits() const { return meter_.bits(); }

    /// The lengths of the two states, the states, then the words that the decoder takes, in its order.
    std::vector<std::uint8_t> finish() && {
        std::array<std::uint64_t, kLanes> states{kInitialState, kInitialState};
        std::vector<std::uint32_t> words;
        for (std::size_t i = steps_.size(); i-- > 0;) {
            const std::uint32_t begin = steps_[i] & (kIntervals - 1);
            const std::uint32_t size = steps_[i] >> kIntervalBits & (2 * kIntervals - 1);
            std::uint64_t& state = states[steps_[i] >> 31];
            if (state >> (kStateBits + 32 - kIntervalBits) >= size) {
                words.push_back(static_cast<std::uint32_t>(state));
                state >>= 32;
            }
            state = (state / size << kIntervalBits) + state % size + begin;
        }
        std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(length(states[0]) | length(states[1]) << 4)};
        for (const std::uint64_t state : states) append(bytes, state, length(state));
        for (std::size_t i = words.size(); i-- > 0;) append(bytes, words[i], 4);
        return bytes;
    }

    /// Of a state, in bytes.
    static int length(std::uint64_t state) { return (static_cast<int>(std::bit_width(state)) + 7) / 8; }

  private:
    static void append(std::vector<std::uint8_t>& bytes, std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }

    IntervalMeter meter_;
    std::vector<std::uint32_t> steps_;  // begin, size and lane of each interval
};

/// Reads what IntervalEncoder wrote. Any bytes decode to something.
class IntervalDecoder {
  public:
    static constexpr bool kDecodes = true;

    /// `bytes` must outlive it.
    explicit IntervalDecoder(std::span<const std::uint8_t> bytes) {
        if (bytes.empty()) return;
        const std::array<std::size_t, kLanes> lengths{bytes[0] & std::size_t{15}, std::size_t{bytes[0]} >> 4};
        const std::size_t head = 1 + lengths[0] + lengths[1];
        if (head > bytes.size() || (bytes.size() - head) % 4 != 0) return;
        std::size_t at = 1;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            if (lengths[lane] > kLongestState) return;
            for (std::size_t i = 0; i < lengths[lane]; ++i) states_[lane] |= std::uint64_t{bytes[at++]} << (8 * i);
            sound_ = (lane == 0 || sound_)
                     && lengths[lane] == static_cast<std::size_t>(IntervalEncoder::length(states_[lane]));
        }
        next_ = bytes.data() + head;
        end_ = bytes.data() + bytes.size();
    }

    /// Where in 0 … kIntervals-1 the next interval of this lane lies.
    std::uint32_t position(int lane) const {
        return static_cast<std::uint32_t>(states_[static_cast<std::size_t>(lane)]) & (kIntervals - 1);
    }
    /// Goes on behind the interval in which position() is, which is so long; `offset` is what lies of it before
    /// position().
    void take(int lane, std::uint32_t offset, std::uint32_t size) {
        std::uint64_t& state = states_[static_cast<std::size_t>(lane)];
        state = (state >> kIntervalBits) * size + offset;
        refill(state);
    }

    /// The same for an interval cut in two: all bits where position() is in the first part, and none otherwise.
    std::uint32_t take(int lane, std::uint32_t offset, std::uint32_t first, std::uint32_t second) {
        std::uint64_t& state = states_[static_cast<std::size_t>(lane)];
        const std::uint64_t above = state >> kIntervalBits;
        const std::uint64_t in_first = above * first + offset;
        const std::uint64_t in_second = above * second + offset - first;
        const auto is_first = static_cast<std::int32_t>(offset - first) >> 31;
        state = in_second ^ ((in_first ^ in_second) & static_cast<std::uint64_t>(std::int64_t{is_first}));
        refill(state);
        return static_cast<std::uint32_t>(is_first);
    }

    /// All bytes were needed and no others, as it is after the last interval.
    bool at_end() const {
        return sound_ && next_ == end_ && states_[0] == kInitialState && states_[1] == kInitialState;
    }

  private:
    void refill(std::uint64_t& state) {
        if (state >> kStateBits != 0 || next_ == end_) return;
        state = state << 32 | next_[0] | next_[1] << 8U | next_[2] << 16U | std::uint64_t{next_[3]} << 24U;
        next_ += 4;
    }

    static constexpr std::size_t kLongestState = (kStateBits + 32 + 7) / 8;

    std::array<std::uint64_t, kLanes> states_{};
    const std::uint8_t* next_ = nullptr;
    const std::uint8_t* end_ = nullptr;
    bool sound_ = false;  // what stands before the words is what an encoder writes
};

}  // namespace eigenbit::internal
