#include "tests/api/handles.h"
#include "tests/api/resident_memory.h"
#include "tests/engine/formats/ebit/models.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <latch>
#include <string>
#include <thread>

using namespace eigenbit::internal;

// A model in many threads, opened and run again and again: 400 times, or as often as the environment's EIGENBIT_LOADS
// says. Memory must not grow, and under ThreadSanitizer nothing may race.

namespace {

constexpr std::size_t kThreads = 8;
constexpr std::int64_t kImages = 3;

std::size_t loads() {
    const char* const given = std::getenv("EIGENBIT_LOADS");
    return given == nullptr ? 400 : std::stoul(given);
}

/// Calls task(i) for 0 … count-1 from kThreads threads, which begin together. Returns how many of them were false.
std::size_t failures_of(std::size_t count, const std::function<bool(std::size_t)>& task) {
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> failures = 0;
    std::latch all_are_there(kThreads);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            all_are_there.arrive_and_wait();
            for (std::size_t i = next++; i < count; i = next++) failures += task(i) ? 0 : 1;
        });
    }
    for (std::thread& thread : threads) thread.join();
    return failures;
}

std::vector<float> output_of(const SessionHandle& session) {
    if (!session) return {};
    float* const input = eigenbit_session_input(session.get(), 0);
    for (int i = 0; i < kImages * 8 * 8 * 3; ++i) input[i] = static_cast<float>(i % 17) / 8.0F - 1.0F;
    if (eigenbit_session_run(session.get()) != EIGENBIT_OK) return {};
    eigenbit_shape shape;
    eigenbit_session_output_shape(session.get(), 0, &shape);
    const float* const values = eigenbit_session_output(session.get(), 0);
    return {values, values + shape.extents[0] * shape.extents[1]};
}

/// Does it so often that caches are filled, then as often as it says, and checks that memory does not grow.
void check_growth(const std::function<bool(std::size_t)>& task) {
    for (int round = 0; round < 3; ++round) CHECK(failures_of(400, task) == 0);
    const double before = resident_megabytes();
    CHECK(failures_of(loads(), task) == 0);
    const double growth = resident_megabytes() - before;
    MESSAGE("resident memory grew by " << growth << " MB in " << loads() << " loads");
    if (kMeasuresMemory) CHECK(growth < 1.0);
}

}  // namespace

TEST_CASE("Models opened, run and closed again and again in 8 threads leave nothing") {
    const TemporaryFolder folder;
    const Model small = small_packed_model(3);
    const std::vector<std::uint8_t> bytes = encode_ebit(small, LevelStorage::entropy).bytes;
    write_ebit(small, folder / "net.ebit", LevelStorage::fixed);
    const std::string path = folder / "net.ebit";
    const std::vector<float> expected = output_of(create_session(open_in_memory(small), kImages));
    REQUIRE(!expected.empty());
    check_growth([&](std::size_t i) {
        ModelHandle model(i % 3 == 0   ? eigenbit_model_open(path.c_str(), nullptr)
                          : i % 3 == 1 ? eigenbit_model_open_memory(bytes.data(), bytes.size(), nullptr)
                                       : eigenbit_model_open_borrowed(bytes.data(), bytes.size(), nullptr));
        const SessionHandle session = create_session(model, kImages, 1 + static_cast<int>(i % 2));
        if (i % 5 == 0) model.reset();
        return output_of(session) == expected;
    });
}

TEST_CASE("One model shared by 8 threads, a session each, leaves nothing") {
    const ModelHandle model = open_in_memory(small_packed_model(3));
    const std::vector<float> expected = output_of(create_session(model, kImages));
    REQUIRE(!expected.empty());
    check_growth([&](std::size_t i) {
        const SessionHandle session = create_session(model, kImages, 1 + static_cast<int>(i % 2));
        return output_of(session) == expected && output_of(session) == expected
               && eigenbit_model_input_count(model.get()) == 1;
    });
}

TEST_CASE("Damaged models, opened again and again in 8 threads, leave nothing") {
    const std::vector<std::uint8_t> bytes = encode_ebit(small_packed_model(3), LevelStorage::entropy).bytes;
    check_growth([&](std::size_t i) {
        std::vector<std::uint8_t> damaged = bytes;
        damaged[i * 7919 % damaged.size()] ^= 1;
        const ModelHandle model(eigenbit_model_open_borrowed(damaged.data(), damaged.size(), nullptr));
        return model == nullptr && !std::string(eigenbit_last_error()).empty();
    });
}
