// Teaches a trained network other classes: its last layer is replaced and trained alone, then all of them.
//   fine_tune NETWORK.onnx DATA [EPOCHS [OUT.ebit]]
//
// DATA is a data specification, such as "folder:photos?size=64", whose images are of the size that the network takes.
//
// Build: c++ -std=c++20 fine_tune.cpp $(pkg-config --cflags --libs eigenbit-train) -o fine_tune
#include <cstdio>
#include <cstdlib>
#include <eigenbit/eigenbit.hpp>
#include <exception>
#include <string>
#include <vector>

namespace {

/// Which layers of the network stay as they are while its head learns: all that have weights but the last.
std::vector<std::string> all_but_head(const eigenbit::Model& network) {
    std::vector<std::string> names;
    for (const eigenbit::LayerInspection& layer : eigenbit::inspect(network).layers) names.push_back(layer.name);
    names.pop_back();
    return names;
}

void work(const std::string& file, const std::string& spec, int epochs, const std::string& out) {
    eigenbit::Model network = eigenbit::Model::load(file, {.data = spec});
    // Without its old classes, of which those of the data are none.
    network.replace_head(eigenbit::Dataset::open(spec).class_count());
    const auto data = eigenbit::Dataset::open(spec, eigenbit::Split::train, network);
    const auto test = eigenbit::Dataset::open(spec, eigenbit::Split::test, network);
    network.describe_by(data);

    eigenbit::train(network, data,
                    {.epochs = epochs,
                     .batch = 16,
                     .learning_rate = 0.02,
                     .frozen = all_but_head(network),
                     .on_progress = eigenbit::progress_bar()});
    std::printf("head alone: %.2f %%\n", 100.0 * eigenbit::evaluate(network, test).top1.value());
    eigenbit::train(network, data,
                    {.epochs = epochs, .batch = 16, .learning_rate = 0.005, .on_progress = eigenbit::progress_bar()});
    std::printf("all layers: %.2f %%\n", 100.0 * eigenbit::evaluate(network, test).top1.value());
    network.save(out);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 3) throw eigenbit::Error("fine_tune NETWORK.onnx DATA [EPOCHS [OUT.ebit]]");
    work(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 3, argc > 4 ? argv[4] : "tuned.ebit");
} catch (const std::exception& error) {
    std::fprintf(stderr, "fine_tune: %s\n", error.what());
    return 1;
}
