#pragma once

#include "evaluation.hpp"
#include "model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

namespace eigenbit {
inline namespace v1 {

/// Kernels for one generation of CPUs.
struct CpuImplementation {
    std::string name;               ///< as EIGENBIT_CPU takes it
    std::string description;        ///< for people
    std::string required_features;  ///< of the CPU
    bool is_supported = false;      ///< by this CPU and its operating system
    bool is_active = false;         ///< what runs: the fastest, or what the environment's EIGENBIT_CPU names
};

/// All that the library was built with, the fastest first. Throws Error where EIGENBIT_CPU names none of them.
std::vector<CpuImplementation> cpu_implementations();

/// What this computer's system calls its processor.
std::string processor_name();

/// What to measure, and how.
struct BenchmarkOptions {
    Arithmetic arithmetic = Arithmetic::floats;  ///< what the network computes with
    std::int64_t batch = 1;                      ///< images; a network that takes batches of one size alone has these
    double seconds = 2.0;                        ///< how long to measure; at least ten runs
    int weight_bits = 0;                         ///< round float weights to so many bits before, 1 to 8; 0: leave them
    bool profile = false;                        ///< measure each step, too; not of what is simulated
    std::uint64_t seed = 0;                      ///< of the images, which are noise
    int threads = 0;                             ///< 0: as many as processors
};

/// A step of a network that runs: one layer with what is fused into it.
struct StepProfile {
    std::string name;                       ///< of the layer
    std::string kind;                       ///< of the step, for people
    double seconds = 0.0;                   ///< the best of 20 runs
    std::int64_t weights = 0;               ///< how many it multiplies by
    std::int64_t weight_bytes = 0;          ///< in memory
    std::int64_t multiply_accumulates = 0;  ///< of a run
};

/// How a network was made ready to run, unless it is simulated.
struct PreparedNetwork {
    double preparation_seconds = 0.0;        ///< that compiling it took
    std::int64_t multiply_accumulates = 0;   ///< of a run
    std::int64_t weight_bytes = 0;           ///< in memory
    std::int64_t activation_bytes = 0;       ///< of the arena that holds them all
    std::vector<FloatLayer> float_layers{};  ///< in int8
    std::vector<StepProfile> steps{};        ///< where a profile was asked for
};

/// What was measured.
struct Benchmark {
    std::int64_t batch = 1;                     ///< images of a run
    std::int64_t added_quantizers = 0;          ///< that activations got for int8, from noise, as they had none
    std::vector<double> seconds{};              ///< of each run, rising
    std::optional<PreparedNetwork> prepared{};  ///< none where the network is simulated

    /// The time that this share of the runs, 0 … 1, took at most.
    double percentile(double share) const {
        return seconds[static_cast<std::size_t>(std::lround(share * static_cast<double>(seconds.size() - 1)))];
    }
};

/// Measures how fast a network with one input runs, for images of the size that it was loaded for, or 224. Throws Error
/// where they do not fit.
Benchmark benchmark(const Model& model, const BenchmarkOptions& options = {});

}  // namespace v1
}  // namespace eigenbit

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
