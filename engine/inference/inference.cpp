#include "engine/inference/inference.h"

#include "engine/error.h"
#include "engine/inference/program.h"
#include "engine/memory_plan.h"
#include "engine/subnormals.h"

#include <algorithm>
#include <chrono>

namespace eigenbit {
namespace {

/// In floats, which is what the arena is made of; kernels read behind a buffer of bytes.
std::int64_t size_of(const Buffer& buffer) {
    constexpr std::int64_t kFloat = sizeof(float);
    if (!buffer.is_bytes) return buffer.shape.elements();
    return (buffer.shape.elements() + PackedMatrix::kReadBeyond + kFloat - 1) / kFloat;
}

}  // namespace

Inference::Inference(Graph graph, std::span<const Shape> inputs, Execution execution) : graph_(std::move(graph)) {
    Program program = compile(graph_, inputs, execution);
    steps_ = std::move(program.steps);
    buffers_ = std::move(program.buffers);
    inputs_ = std::move(program.inputs);
    outputs_ = std::move(program.outputs);
    images_ = std::move(program.images);
    plan_arena();
}

void Inference::plan_arena() {
    const std::size_t end = steps_.size();
    std::vector<Lifetime> lifetimes;
    for (const Buffer& buffer : buffers_) lifetimes.push_back({size_of(buffer), end, 0});
    for (std::size_t i = 0; i < end; ++i) {
        for_each_buffer(steps_[i], [&](BufferId buffer, bool) {
            lifetimes[buffer].first = std::min(lifetimes[buffer].first, i);
            lifetimes[buffer].last = i;
        });
    }
    for (const BufferId output : outputs_) lifetimes[output].last = end;
    for (const BufferId input : inputs_) lifetimes[input].elements = 0;  // lie where the caller has them
    const MemoryPlan plan = plan_memory(lifetimes);
    arena_ = Tensor(Shape{plan.elements});
    for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].data = arena_.data() + plan.offsets[i];
}

ConstView Inference::run(ConstView input, const Observer& observer) { return run(std::span(&input, 1), observer); }

ConstView Inference::run(std::span<const ConstView> inputs, const Observer& observer) {
    if (inputs.size() != inputs_.size()) {
        fail("The network has {} inputs, {} were given.", inputs_.size(), inputs.size());
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        Buffer& buffer = buffers_[inputs_[i]];
        if (!(buffer.shape == inputs[i].shape)) {
            fail("Input '{}' has shape {}, expected {}.", graph_.name(graph_.inputs()[i].value),
                 to_string(inputs[i].shape), to_string(buffer.shape));
        }
        buffer.data = const_cast<float*>(inputs[i].data);  // steps only read it
    }
    flush_subnormals_in([&] {
        for (std::size_t i = 0; i < steps_.size(); ++i) {
            const auto start = std::chrono::steady_clock::now();
            eigenbit::run(steps_[i], buffers_);
            if (observer) {
                observer(i, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            }
        }
    });
    return output();
}

std::int64_t Inference::multiply_accumulates() const {
    std::int64_t sum = 0;
    for (const Step& step : steps_) sum += step.multiply_accumulates;
    return sum;
}

std::int64_t Inference::weight_bytes() const {
    std::int64_t sum = 0;
    for (const Step& step : steps_) sum += eigenbit::weight_bytes(step);
    return sum;
}

}  // namespace eigenbit
