// Times training steps: training-bench NETWORK BATCH SIZE CLASSES THREADS SECONDS. Forward, cross-entropy, backward and
// SGD with momentum on random images. Prints images per second, by the median step.

#include "engine/error.h"
#include "engine/random.h"
#include "engine/zoo/zoo.h"
#include "train/loss.h"
#include "train/trained_network.h"

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace {

using namespace eigenbit;
using Clock = std::chrono::steady_clock;

double images_per_second(Graph graph, std::int64_t batch, std::int64_t classes, double seconds) {
    const Shape shape = input_shape(graph, batch);
    Tensor images(shape);
    std::vector<int> labels;
    Random random({1});
    std::ranges::generate(images.values(), [&] { return static_cast<float>(random.normal()); });
    for (std::int64_t i = 0; i < batch; ++i) labels.push_back(static_cast<int>(random.below(classes)));

    TrainedNetwork network(graph, {.weight_decay = 1e-4}, {});
    Session session(graph, std::span(&shape, 1), {.training = true, .gradients = network.gradients(), .seed = 1});
    Tensor gradient(session.output().shape);
    std::vector<double> times;
    const Clock::time_point start = Clock::now();
    for (std::int64_t step = 0; times.size() < 3 || Clock::now() - start < std::chrono::duration<double>(seconds);
         ++step) {
        const Clock::time_point begin = Clock::now();
        const ConstView output = session.run(images);
        softmax_cross_entropy(output, labels, 0.0, gradient);
        session.backward(gradient);
        network.step(session, step, 0.01);
        if (step >= 2) times.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    std::ranges::sort(times);
    return static_cast<double>(batch) / times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 7) fail("usage: training-bench NETWORK BATCH SIZE CLASSES THREADS SECONDS");
    const std::int64_t size = std::stoll(argv[3]);
    const std::int64_t classes = std::stoll(argv[4]);
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism, std::stoul(argv[5]));
    Graph graph = build_network(argv[1], Shape{size, size, 3}, classes, 1);
    fmt::print("{:.1f}\n", images_per_second(std::move(graph), std::stoll(argv[2]), classes, std::stod(argv[6])));
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "training-bench: {}\n", error.what());
    return 1;
}
