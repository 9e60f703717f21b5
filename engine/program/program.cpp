#include "engine/program/program.h"

#include "engine/base/memory_plan.h"

#include <algorithm>

namespace eigenbit::internal {
namespace {

/// In floats, which is what the arena is made of; kernels read behind a buffer of bytes.
std::int64_t size_in_arena(const Buffer& buffer) {
    constexpr std::int64_t kFloat = sizeof(float);
    if (!buffer.is_bytes) return buffer.shape.elements();
    return (buffer.shape.elements() + PackedGemv::kReadBeyond + kFloat - 1) / kFloat;
}

}  // namespace

void Program::plan_arena() {
    const std::size_t end = steps_.size();
    std::vector<Lifetime> lifetimes;
    for (const Buffer& buffer : buffers_) lifetimes.push_back({size_in_arena(buffer), end, 0});
    for (std::size_t i = 0; i < end; ++i) {
        for_each_buffer(steps_[i], [&](BufferId buffer, bool) {
            lifetimes[buffer].first = std::min(lifetimes[buffer].first, i);
            lifetimes[buffer].last = i;
        });
    }
    for (const BufferId output : outputs_) lifetimes[output].last = end;
    for (const Input& input : inputs_) lifetimes[input.buffer].elements = 0;  // lie where the caller has them
    MemoryPlan plan = plan_memory(lifetimes);
    arena_elements_ = plan.elements;
    offsets_.assign(plan.offsets.begin(), plan.offsets.end());
}

bool Program::only_rounds(std::size_t input) const {
    const BufferId own = inputs_[input].buffer;
    bool result = std::ranges::find(outputs_, own) == outputs_.end();
    for (const Step& step : steps_) {
        for_each_buffer(step, [&](BufferId buffer, bool) {
            result = result && (buffer != own || std::holds_alternative<QuantizeStep>(step.work));
        });
    }
    return result;
}

std::int64_t Program::multiply_accumulates() const {
    std::int64_t sum = 0;
    for (const Step& step : steps_) sum += step.multiply_accumulates;
    return sum;
}

std::int64_t Program::weight_bytes() const {
    std::int64_t sum = 0;
    for (const Step& step : steps_) sum += eigenbit::internal::weight_bytes(step);
    return sum;
}

}  // namespace eigenbit::internal
