// Times training steps: training-bench NETWORK BATCH SIZE CLASSES THREADS SECONDS. Forward, cross-entropy, backward and
// SGD with momentum on random images. Prints images per second, by the median step. With "layers" in place of THREADS
// SECONDS, prints what each layer takes instead.

#include "bench/training_layers.h"
#include "bench/training_step.h"
#include "engine/base/error.h"
#include "engine/zoo/zoo.h"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

namespace {

using namespace eigenbit::internal;
using Clock = std::chrono::steady_clock;

double images_per_second(Graph graph, std::int64_t batch, std::int64_t classes, double seconds) {
    TrainingStep training(graph, batch, classes);
    for (int i = 0; i < 2; ++i) training.run();
    std::vector<double> times;
    const Clock::time_point start = Clock::now();
    while (times.size() < 3 || Clock::now() - start < std::chrono::duration<double>(seconds)) {
        const Clock::time_point begin = Clock::now();
        training.run();
        times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    std::ranges::sort(times);
    return static_cast<double>(batch) / times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
    const bool layers = argc == 6 && std::string_view(argv[5]) == "layers";
    if (argc != 7 && !layers) fail("usage: training-bench NETWORK BATCH SIZE CLASSES (THREADS SECONDS | layers)");
    const std::int64_t batch = std::stoll(argv[2]);
    const std::int64_t size = std::stoll(argv[3]);
    const std::int64_t classes = std::stoll(argv[4]);
    Graph graph = build_network(argv[1], Shape{size, size, 3}, classes, 1);
    if (layers) {
        print_layer_times(std::move(graph), batch, classes);
        return 0;
    }
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism, std::stoul(argv[5]));
    fmt::print("{:.1f}\n", images_per_second(std::move(graph), batch, classes, std::stod(argv[6])));
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "training-bench: {}\n", error.what());
    return 1;
}
