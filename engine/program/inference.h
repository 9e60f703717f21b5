#pragma once

#include "engine/program/program.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace eigenbit::internal {

/// What an input is given: floats, or bytes that stand for floats.
struct InputValues {
    Shape shape;
    const float* floats = nullptr;  ///< null where there are bytes
    const std::uint8_t* bytes = nullptr;
    std::span<const float> meanings{};  ///< of bytes, as Buffer's
};

/// A session of a program: the memory of its activations. Belongs to one thread at a time; runs on oneTBB.
class Inference {
  public:
    explicit Inference(std::shared_ptr<const Program> program);
    /// Of a program of its own.
    Inference(const Graph& graph, std::span<const Shape> inputs, Execution execution)
        : Inference(compile(graph, inputs, execution)) {}

    /// Told, after each step, which it was and how long it took.
    using Observer = std::function<void(std::size_t step, double seconds)>;

    /// The first output for the only input; it stays valid until the next run.
    ConstView run(ConstView input, const Observer& observer = {});
    /// The same for any number of inputs, in the graph's order.
    ConstView run(std::span<const ConstView> inputs, const Observer& observer = {});
    /// The same; of bytes only inputs that the program only rounds.
    ConstView run(std::span<const InputValues> inputs, const Observer& observer = {});
    /// Output `index` of the last run.
    ConstView output(std::size_t index = 0) const { return buffers_[program_->outputs()[index]].floats(); }
    std::size_t output_count() const { return program_->outputs().size(); }

    const Program& program() const { return *program_; }
    std::span<const Step> steps() const { return program_->steps(); }
    /// Of the arena that holds all activations but the inputs.
    std::int64_t activation_bytes() const { return arena_.elements() * static_cast<std::int64_t>(sizeof(float)); }

  private:
    std::shared_ptr<const Program> program_;
    std::vector<Buffer> buffers_;
    std::vector<WeightCache> caches_;  // by step, of operators whose weights are computed
    Tensor arena_;
};

}  // namespace eigenbit::internal
