#include "engine/program/inference.h"

#include "engine/base/error.h"
#include "engine/base/subnormals.h"

#include <chrono>

namespace eigenbit::internal {

Inference::Inference(std::shared_ptr<const Program> program)
    : program_(std::move(program)),
      buffers_(program_->buffers().begin(), program_->buffers().end()),
      caches_(program_->steps().size()),
      arena_(Shape{program_->arena_elements()}) {
    for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].data = arena_.data() + program_->offsets()[i];
}

ConstView Inference::run(ConstView input, const Observer& observer) { return run(std::span(&input, 1), observer); }

ConstView Inference::run(std::span<const ConstView> inputs, const Observer& observer) {
    std::vector<InputValues> values;
    for (const ConstView& input : inputs) values.push_back({.shape = input.shape, .floats = input.data});
    return run(values, observer);
}

ConstView Inference::run(std::span<const InputValues> inputs, const Observer& observer) {
    const std::span<const Program::Input> expected = program_->inputs();
    if (inputs.size() != expected.size()) {
        fail("The network has {} inputs, {} were given.", expected.size(), inputs.size());
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        Buffer& buffer = buffers_[expected[i].buffer];
        if (!(buffer.shape == inputs[i].shape)) {
            fail("Input '{}' has shape {}, expected {}.", expected[i].name, to_string(inputs[i].shape),
                 to_string(buffer.shape));
        }
        // Steps only read it.
        buffer.data = inputs[i].bytes ? static_cast<void*>(const_cast<std::uint8_t*>(inputs[i].bytes))
                                      : const_cast<float*>(inputs[i].floats);
        buffer.meanings = inputs[i].meanings;
    }
    flush_subnormals_in([&] {
        for (std::size_t i = 0; i < steps().size(); ++i) {
            const auto start = std::chrono::steady_clock::now();
            eigenbit::internal::run(steps()[i], buffers_, caches_[i]);
            if (observer) {
                observer(i, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
            }
        }
    });
    return output();
}

}  // namespace eigenbit::internal
