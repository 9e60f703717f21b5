#include "tests/api/handles.h"
#include "tests/engine/formats/ebit/models.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

// Every allocation of the library fails once, whichever thread makes it. The program's operator new, below, is the
// library's too.

namespace {

std::atomic<std::int64_t> live_allocations = 0;
std::atomic<std::int64_t> until_failure = 0;  // 0: none fails
std::atomic<std::int64_t> failures = 0;

void* allocate(std::size_t bytes, std::size_t alignment) {
    if (until_failure > 0 && --until_failure == 0) {
        ++failures;
        throw std::bad_alloc();
    }
    void* const memory = alignment == 0 ? std::malloc(bytes == 0 ? 1 : bytes)
                                        : std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
    if (memory == nullptr) throw std::bad_alloc();
    ++live_allocations;
    return memory;
}

void release(void* memory) {
    if (memory == nullptr) return;
    --live_allocations;
    std::free(memory);
}

}  // namespace

// All of them: a sanitizer has its own of those that are missing.
void* operator new(std::size_t bytes) { return allocate(bytes, 0); }
void* operator new[](std::size_t bytes) { return allocate(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    try {
        return allocate(bytes, 0);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }

using namespace eigenbit::internal;

namespace {

constexpr std::int64_t kMostAllocations = 2000;
constexpr std::int64_t kImages = 40;  // enough for loops to be shared among threads

/// How far opening, making a session, and running it came.
enum class Reached { nothing, model, session, output };

struct Outcome {
    Reached reached = Reached::nothing;
    double sum = 0.0;  ///< of the outputs
    const char* error = "";
};

Outcome open_and_run(const std::vector<std::uint8_t>& bytes, int threads) {
    const ModelHandle model(eigenbit_model_open_memory(bytes.data(), bytes.size(), nullptr));
    if (!model) return {Reached::nothing, 0.0, eigenbit_last_error()};
    const SessionHandle session = create_session(model, kImages, threads);
    if (!session) return {Reached::model, 0.0, eigenbit_last_error()};
    float* const input = eigenbit_session_input(session.get(), 0);
    if (input == nullptr) return {Reached::session, 0.0, eigenbit_last_error()};
    for (int i = 0; i < kImages * 8 * 8 * 3; ++i) input[i] = static_cast<float>(i % 17) / 8.0F - 1.0F;
    if (eigenbit_session_run(session.get()) != EIGENBIT_OK) return {Reached::session, 0.0, eigenbit_last_error()};
    eigenbit_shape shape{};
    if (eigenbit_session_output_shape(session.get(), 0, &shape) != EIGENBIT_OK) return {};
    Outcome outcome{.reached = Reached::output};
    for (std::int64_t i = 0; i < shape.extents[0] * shape.extents[1]; ++i) {
        outcome.sum += static_cast<double>(eigenbit_session_output(session.get(), 0)[i]);
    }
    return outcome;
}

/// A run of which the n-th allocation failed, and how many allocations outlived it.
struct Attempt {
    Outcome outcome;
    std::int64_t failures = 0, lost = 0;
};

Attempt run_failing(std::int64_t n, const std::vector<std::uint8_t>& bytes, int threads) {
    const std::int64_t live_before = live_allocations;
    failures = 0;
    until_failure = n;
    const Outcome outcome = open_and_run(bytes, threads);
    until_failure = 0;
    return {outcome, failures, live_allocations - live_before};
}

}  // namespace

TEST_CASE("An allocation that fails is an error of its call, and nothing is lost") {
    for (const int threads : {1, 2}) {
        for (const std::uint64_t seed : {2, 3}) {
            const std::vector<std::uint8_t> bytes = encode_ebit(small_packed_model(seed), LevelStorage::entropy).bytes;
            const Outcome whole = open_and_run(bytes, threads);  // fills what stays, such as the list of kernels
            REQUIRE(whole.reached == Reached::output);
            std::int64_t failed = 0;
            std::int64_t by_stage[] = {0, 0, 0, 0};
            for (std::int64_t n = 1; n <= kMostAllocations; ++n) {
                const Attempt attempt = run_failing(n, bytes, threads);
                const Outcome& outcome = attempt.outcome;
                // A thread that takes part for the first time keeps memory for its later work: not twice.
                CHECK((attempt.lost == 0 || run_failing(n, bytes, threads).lost == 0));
                ++by_stage[static_cast<int>(outcome.reached)];
                if (outcome.reached == Reached::output) {
                    // None failed, or one that there is another way without, such as a sort's buffer.
                    CHECK(outcome.sum == whole.sum);
                } else {
                    CHECK(attempt.failures == 1);
                    CHECK(outcome.error == std::string("There is not enough memory."));
                }
                failed += attempt.failures;
                if (attempt.failures == 0) break;
            }
            MESSAGE(failed << " allocations failed, " << by_stage[0] << " while opening, " << by_stage[1]
                           << " while a session was made, " << by_stage[2] << " in a run");
            CHECK(failed > 100);
            for (const int stage : {0, 1, 2}) CHECK(by_stage[stage] > 0);
        }
    }
}
