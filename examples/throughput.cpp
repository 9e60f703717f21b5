// Images per second of a model with one session in each thread: throughput MODEL.ebit [THREADS [SECONDS]]
//
// Build: c++ -std=c++20 throughput.cpp $(pkg-config --cflags --libs eigenbit) -pthread -o throughput
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <eigenbit/session.hpp>
#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

/// What one thread did.
struct Work {
    long images = 0;
    std::string error{};
};

Work run_until(Clock::time_point end, const eigenbit::PackedModel& model) try {
    eigenbit::Session session(model, {.threads = 1});
    std::ranges::fill(session.input(), 0.5F);
    Work work;
    while (Clock::now() < end) {
        session.run();
        ++work.images;
    }
    return work;
} catch (const std::exception& error) {
    return {.error = error.what()};
}

int measure(const std::string& path, int threads, double seconds) {
    const eigenbit::PackedModel model(path);
    std::vector<Work> work(static_cast<std::size_t>(threads));
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::vector<std::thread> workers;
    for (Work& mine : work) workers.emplace_back([&, end] { mine = run_until(end, model); });
    for (std::thread& worker : workers) worker.join();

    long images = 0;
    for (const Work& one : work) {
        if (!one.error.empty()) throw eigenbit::Error(one.error);
        images += one.images;
    }
    std::printf("%.1f images/s with %d sessions\n", static_cast<double>(images) / seconds, threads);
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2 || argc > 4) {
        std::fputs("usage: throughput MODEL.ebit [THREADS [SECONDS]]\n", stderr);
        return 2;
    }
    return measure(argv[1], argc > 2 ? std::clamp(std::stoi(argv[2]), 1, 1024) : 2,
                   argc > 3 ? std::clamp(std::stod(argv[3]), 0.01, 3600.0) : 2.0);
} catch (const std::exception& error) {
    std::fprintf(stderr, "throughput: %s\n", error.what());
    return 1;
}
