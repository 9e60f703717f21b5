#include "engine/formats/ebit/container.h"
#include "include/eigenbit/session.hpp"
#include "tests/api/handles.h"
#include "tests/engine/formats/ebit/models.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <set>
#include <string>
#include <thread>

using namespace eigenbit::internal;

namespace {

constexpr std::uint64_t kBytes = 3;  // seed of a small model with quantizers

std::vector<std::uint8_t> bytes_of(const Model& model) { return encode_ebit(model, LevelStorage::entropy).bytes; }

std::span<const std::byte> as_bytes(const std::vector<std::uint8_t>& bytes) { return std::as_bytes(std::span(bytes)); }

/// The file with a section that this version does not know, and need not.
std::vector<std::uint8_t> with_unknown_section(const std::vector<std::uint8_t>& bytes) {
    std::vector<EbitSection> sections;
    for (const EbitContainer::Section& section : read_container(bytes, "model").sections) {
        sections.push_back(
            {section.name, section.mandatory, section.coder, {section.bytes.begin(), section.bytes.end()}});
    }
    sections.push_back({"NEWS", false, 0, {1, 2, 3}});
    return write_container(sections);
}

std::vector<float> output_of(eigenbit::Session& session) {
    session.run();
    return {session.output().begin(), session.output().end()};
}

void fill(eigenbit::Session& session) {
    float value = -1.0F;
    for (float& element : session.input()) element = (value = value > 1.0F ? -1.0F : value + 0.03F);
}

/// Once threads that are ending have ended: the count is the same twice.
std::size_t thread_count() {
    const auto count = [] {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                                                      std::filesystem::directory_iterator()));
    };
    for (std::size_t before = count();;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const std::size_t now = count();
        if (now == before) return now;
        before = now;
    }
}

/// A pool of the application's: one thread for each piece of work, which notes who worked.
struct Pool {
    std::mutex mutex;
    std::set<std::thread::id> workers;

    eigenbit::Parallel parallel() {
        return [this](int count, const std::function<void(int)>& work) {
            std::vector<std::thread> threads;
            for (int i = 0; i < count; ++i) {
                threads.emplace_back([&, i] {
                    work(i);
                    const std::lock_guard lock(mutex);
                    workers.insert(std::this_thread::get_id());
                });
            }
            for (std::thread& thread : threads) thread.join();
        };
    }
};

}  // namespace

TEST_CASE("Warnings go to the log of the call, and to no other") {
    const std::vector<std::uint8_t> newer = with_unknown_section(bytes_of(small_packed_model(kBytes)));
    std::vector<std::string> heard;
    const eigenbit::PackedModel model(as_bytes(newer),
                                      {.log = [&](std::string_view sentence) { heard.emplace_back(sentence); }});
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].find("section NEWS is unknown and left out") != std::string::npos);
    const eigenbit::PackedModel unheard(as_bytes(newer));
    CHECK(heard.size() == 1);

    const eigenbit::Session session(model, {.log = [&](std::string_view sentence) { heard.emplace_back(sentence); }});
    REQUIRE(heard.size() == 2);
    CHECK(heard[1].find("computes in floats") != std::string::npos);
    CHECK(heard[1].find("fc: its input has no quantizer") != std::string::npos);
}

TEST_CASE("Logs of threads side by side hear their own calls alone") {
    const std::vector<std::uint8_t> newer = with_unknown_section(bytes_of(small_packed_model(kBytes)));
    std::vector<std::atomic<int>> heard(4);
    std::vector<std::thread> threads;
    for (std::atomic<int>& own : heard) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i)
                eigenbit::PackedModel(as_bytes(newer), {.log = [&](std::string_view) { ++own; }});
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::atomic<int>& own : heard) CHECK(own == 20);
}

TEST_CASE("What a log throws comes out of the call") {
    const std::vector<std::uint8_t> newer = with_unknown_section(bytes_of(small_packed_model(kBytes)));
    const auto refuse = [](std::string_view) { throw std::invalid_argument("no warnings, please"); };
    CHECK_THROWS_AS(eigenbit::PackedModel(as_bytes(newer), {.log = refuse}), std::invalid_argument);
}

TEST_CASE("A model that borrows its bytes computes what one that copied them computes") {
    std::vector<std::uint8_t> bytes = bytes_of(small_packed_model(kBytes));
    eigenbit::Session copied{eigenbit::PackedModel(as_bytes(bytes))};
    eigenbit::Session borrowed{eigenbit::PackedModel::borrowing(as_bytes(bytes))};
    std::ranges::fill(bytes, std::uint8_t{0});  // the model is closed by now
    fill(copied);
    fill(borrowed);
    CHECK(output_of(copied) == output_of(borrowed));
    CHECK_THROWS_AS(eigenbit::PackedModel::borrowing(as_bytes(bytes)), eigenbit::Error);
}

TEST_CASE("Files beyond a limit are refused") {
    const Model small = small_packed_model(kBytes);
    const std::vector<std::uint8_t> bytes = bytes_of(small);
    const auto refusal = [&](const eigenbit::ModelOptions& options) -> std::string {
        try {
            const eigenbit::PackedModel model(as_bytes(bytes), options);
            return "";
        } catch (const eigenbit::Error& error) {
            return error.what();
        }
    };
    const auto size = static_cast<std::int64_t>(bytes.size());
    const auto nodes = static_cast<std::int64_t>(small.graph.nodes().size());
    CHECK(refusal({.most_bytes = size, .most_elements = 1 << 20, .most_nodes = nodes}).empty());
    CHECK(refusal({.most_bytes = size - 1}).find("bytes, at most") != std::string::npos);
    CHECK(refusal({.most_nodes = nodes - 1}).find("nodes, at most") != std::string::npos);
    CHECK(refusal({.most_elements = 20}).find("than are allowed") != std::string::npos);
    CHECK(refusal({.most_bytes = -1}).find("expected 0 or more") != std::string::npos);

    const eigenbit::PackedModel model(as_bytes(bytes));
    const auto needed = static_cast<std::int64_t>(eigenbit::Session(model).activation_bytes());
    CHECK_NOTHROW(eigenbit::Session(model, {.most_activation_bytes = needed}));
    CHECK_THROWS_AS(eigenbit::Session(model, {.most_activation_bytes = needed - 1}), eigenbit::Error);
}

TEST_CASE("A run that is cancelled ends so, and the next one is as any") {
    const eigenbit::PackedModel model(as_bytes(bytes_of(small_packed_model(kBytes))));
    eigenbit::Session session(model, {.threads = 2});
    fill(session);
    const std::vector<float> expected = output_of(session);
    session.cancel();  // before it begins
    CHECK_THROWS_AS(session.run(), eigenbit::Cancelled);
    CHECK(output_of(session) == expected);
    eigenbit_session_cancel(nullptr);
}

TEST_CASE("Runs are cancelled from another thread at any moment") {
    const eigenbit::PackedModel model(as_bytes(bytes_of(small_packed_model(kBytes))));
    eigenbit::Session session(model, {.input_shapes = {{50, 8, 8, 3}}, .threads = 2});
    fill(session);
    const std::vector<float> expected = output_of(session);
    std::atomic<bool> done = false;
    std::thread canceller([&] {
        while (!done) {
            session.cancel();
            std::this_thread::sleep_for(std::chrono::microseconds(150));
        }
    });
    int cancelled = 0;
    int wrong = 0;
    for (int i = 0; i < 2000; ++i) {
        try {
            if (output_of(session) != expected) ++wrong;
        } catch (const eigenbit::Cancelled&) {
            ++cancelled;
        }
    }
    done = true;
    canceller.join();
    CHECK(cancelled > 0);
    CHECK(wrong == 0);
}

TEST_CASE("The caller's threads do all the work, however they come") {
    const eigenbit::PackedModel model(as_bytes(bytes_of(small_packed_model(kBytes))));
    const eigenbit::Extents shape{40, 8, 8, 3};
    eigenbit::Session own(model, {.input_shapes = {shape}, .threads = 1});
    fill(own);
    const std::vector<float> expected = output_of(own);

    SUBCASE("all at the same time") {
        Pool pool;
        eigenbit::Session session(model, {.input_shapes = {shape}, .parallel = pool.parallel()});
        fill(session);
        const std::size_t before = thread_count();
        for (int i = 0; i < 100; ++i) CHECK(output_of(session) == expected);
        CHECK(thread_count() == before);
        CHECK(!pool.workers.empty());
        CHECK_FALSE(pool.workers.contains(std::this_thread::get_id()));
    }
    SUBCASE("one after the other, the last first") {
        const eigenbit::Parallel backwards = [](int count, const std::function<void(int)>& work) {
            for (int i = count; i-- > 0;) work(i);
        };
        eigenbit::Session session(model, {.input_shapes = {shape}, .parallel = backwards});
        fill(session);
        CHECK(output_of(session) == expected);
    }
    SUBCASE("or not at all, which is an error") {
        const eigenbit::Parallel lazy = [](int, const std::function<void(int)>&) {};
        CHECK_THROWS_AS(eigenbit::Session(model, {.parallel = lazy}), eigenbit::Error);
        const eigenbit::Parallel broken = [](int, const std::function<void(int)>&) { throw std::length_error("none"); };
        CHECK_THROWS_AS(eigenbit::Session(model, {.parallel = broken}), std::length_error);
    }
    SUBCASE("and errors and cancelling pass through them") {
        Pool pool;
        eigenbit::Session session(model, {.input_shapes = {shape}, .parallel = pool.parallel()});
        session.cancel();
        CHECK_THROWS_AS(session.run(), eigenbit::Cancelled);
        CHECK_THROWS_AS(eigenbit::Session(model, {.input_shapes = {{1, 8, 8, 4}}, .parallel = pool.parallel()}),
                        eigenbit::Error);
    }
}
