// A layer of ResNet-18's last stage, 3×3, 512 to 512 channels at 7×7 pixels, whose taps a transform mixes, in int8 on
// one thread: multiplied out, as programs have it, against one integer convolution of the levels for each of the nine
// coefficients, whose results a basis mixes in floats.
//
//   build/bench/coefficient-bench

#include "engine/kernels/int8/convolution.h"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <vector>

using namespace eigenbit::internal;

namespace {

constexpr std::int64_t kSide = 7;
constexpr std::int64_t kChannels = 512;
constexpr std::int64_t kTaps = 9;
constexpr std::int64_t kLanes = 16;

/// A convolution with weights of this standard deviation.
struct Layer {
    Layer(std::int64_t outputs, std::int64_t kernel, double deviation)
        : geometry{.h = kSide,
                   .w = kSide,
                   .i = kChannels,
                   .o = outputs,
                   .kh = kernel,
                   .kw = kernel,
                   .oh = kSide,
                   .ow = kSide},
          weights(static_cast<std::size_t>(outputs * kernel * kernel * kChannels)),
          x(static_cast<std::size_t>(kSide * kSide * kChannels + 3)),
          bytes(static_cast<std::size_t>(kSide * kSide * outputs)),
          floats(bytes.size()) {
        geometry.pad.fill(kernel / 2);
        std::mt19937 random(1);
        std::normal_distribution<double> normal(0.0, deviation);
        for (std::int8_t& weight : weights) {
            weight = static_cast<std::int8_t>(std::clamp(std::nearbyint(normal(random)), -127.0, 127.0));
        }
        for (std::uint8_t& value : x) value = static_cast<std::uint8_t>(random() % 100);
        const std::vector<float> ones(static_cast<std::size_t>(outputs), 1.0F);
        convolution.emplace(geometry, CodedWeights{weights}, std::uint8_t{0}, Int8Channels{ones, ones});
    }

    void run_to_bytes() { convolution->run(x.data(), {.bytes = bytes.data(), .low = 0.0F, .high = 255.0F}); }
    void run_to_floats() { convolution->run(x.data(), {.floats = floats.data()}); }

    ConvolutionGeometry geometry;
    std::vector<std::int8_t> weights;
    std::vector<std::uint8_t> x, bytes;
    std::vector<float> floats;
    std::optional<Int8Convolution> convolution;
};

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float))));

/// Adds to each output what its taps see: coefficients (pixels, 9, O) mixed by the basis (9 coefficients, 9 taps).
#ifdef __x86_64__
__attribute__((target_clones("avx512f", "arch=haswell", "default")))
#endif
void mix(std::span<const float> coefficients, std::span<const float> basis, std::span<float> y) {
    std::ranges::fill(y, 0.0F);
    for (std::int64_t channel = 0; channel < kChannels; channel += kLanes) {
        for (std::int64_t pixel = 0; pixel < kSide * kSide; ++pixel) {
            Lanes taps[kTaps] = {};
            const float* source = coefficients.data() + pixel * kTaps * kChannels + channel;
            for (std::int64_t c = 0; c < kTaps; ++c, source += kChannels) {
                const Lanes value = *reinterpret_cast<const Lanes*>(source);
                for (std::int64_t tap = 0; tap < kTaps; ++tap) taps[tap] += basis[c * kTaps + tap] * value;
            }
            for (std::int64_t tap = 0; tap < kTaps; ++tap) {
                const std::int64_t row = pixel / kSide - (tap / 3 - 1);
                const std::int64_t column = pixel % kSide - (tap % 3 - 1);
                if (row < 0 || row >= kSide || column < 0 || column >= kSide) continue;
                float* const target = y.data() + (row * kSide + column) * kChannels + channel;
                *reinterpret_cast<Lanes*>(target) += taps[tap];
            }
        }
    }
}

}  // namespace

int main() {
    const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
    Layer image(kChannels, 3, 30.0);
    Layer levels(kChannels * kTaps, 1, 1.0);
    std::array<float, kTaps * kTaps> basis{};
    basis.fill(0.1F);
    std::vector<float> mixed(static_cast<std::size_t>(kSide * kSide * kChannels));

    struct Trial {
        const char* name;
        std::function<void()> run;
        std::int64_t bytes;
        double best = 1e9;
    };
    std::array trials{
        Trial{"multiplied out, 8 bits", [&] { image.run_to_bytes(); }, image.convolution->weight_bytes()},
        Trial{"nine coefficients' levels", [&] { levels.run_to_floats(); }, levels.convolution->weight_bytes()},
        Trial{"mixing", [&] { mix(levels.floats, basis, mixed); }, static_cast<std::int64_t>(sizeof(basis))}};
    for (int round = 0; round < 50; ++round) {
        for (Trial& trial : trials) {
            constexpr int kRepeats = 5;
            const auto start = std::chrono::steady_clock::now();
            for (int i = 0; i < kRepeats; ++i) trial.run();
            const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
            trial.best = std::min(trial.best, seconds.count() / kRepeats);
        }
    }
    for (const Trial& trial : trials) {
        fmt::print("{:<28} {:7.1f} us {:9} bytes of weights\n", trial.name, trial.best * 1e6, trial.bytes);
    }
    fmt::print("coefficients and mixing over multiplied out: {:.2f} of the time, {:.2f} of the bytes\n",
               (trials[1].best + trials[2].best) / trials[0].best,
               static_cast<double>(trials[1].bytes + trials[2].bytes) / static_cast<double>(trials[0].bytes));
}
