// How often int8 execution decides as the simulation of the same file does, and which share of its multiplications and
// additions it computes in int8.
//
//     agreement FILE DATA        e.g. agreement packed.ebit "folder:images?crop=224"

#include "api/model_file.h"
#include "datasets/data_spec.h"
#include "evaluation/evaluate.h"
#include "evaluation/network_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace eigenbit::internal {
namespace {

std::vector<std::int64_t> decisions(ConstView scores) {
    std::vector<std::int64_t> result;
    const std::int64_t images = scores.shape[0];
    const std::int64_t classes = images == 0 ? 0 : scores.shape.elements() / images;
    for (std::int64_t n = 0; n < images; ++n) {
        const float* const own = scores.data + n * classes;
        result.push_back(std::max_element(own, own + classes) - own);
    }
    return result;
}

/// Of the layers' multiplications, the part that int8 layers make.
double int8_share(const Program& program) {
    std::int64_t in_int8 = 0;
    for (const Step& step : program.steps()) {
        if (std::holds_alternative<Int8LayerStep>(step.work)) in_int8 += step.multiply_accumulates;
    }
    return static_cast<double>(in_int8) / static_cast<double>(program.multiply_accumulates());
}

void compare(const std::string& file, const std::string& data) {
    const Model model = load_model({.path = file}).model;
    const Dataset dataset = open_dataset(data, DataSplit::test, model);
    NetworkRunner simulated(model.graph, NetworkRunner::Mode::simulated);
    NetworkRunner int8(model.graph, NetworkRunner::Mode::int8);
    const auto decisions_of = [&](NetworkRunner& network, std::vector<std::int64_t>& all) {
        return evaluate(network, dataset, {.watch = [&](ConstView scores) {
                            const std::vector<std::int64_t> own = decisions(scores);
                            all.insert(all.end(), own.begin(), own.end());
                        }});
    };
    std::vector<std::int64_t> expected;
    std::vector<std::int64_t> found;
    const Evaluation in_simulation = decisions_of(simulated, expected);
    const Evaluation in_int8 = decisions_of(int8, found);
    const Preprocessing& image = dataset.preprocessing;
    const double share = int8_share(int8.inference({1, image.height, image.width, image.channels})->program());
    std::size_t same = 0;
    for (std::size_t i = 0; i < found.size(); ++i) same += found[i] == expected[i] ? 1 : 0;
    fmt::print("{} of {} decisions the same ({:.2f} %), {:.2f} % of multiplications in int8\n", same, found.size(),
               100.0 * static_cast<double>(same) / static_cast<double>(found.size()), 100.0 * share);
    fmt::print("score: simulated {:.4f}, int8 {:.4f}\n", in_simulation.score(), in_int8.score());
}

}  // namespace
}  // namespace eigenbit::internal

int main(int count, char** arguments) {
    if (count != 3) {
        std::fprintf(stderr, "usage: agreement FILE DATA\n");
        return 2;
    }
    try {
        eigenbit::internal::compare(arguments[1], arguments[2]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "agreement: %s\n", error.what());
        return 1;
    }
    return 0;
}
