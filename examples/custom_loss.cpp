// Trains a network by a loop and a loss of one's own: the focal loss of Lin et al. 2017, which is small where the
// network is sure already.
//   custom_loss DATA [EPOCHS [OUT.ebit]]
//
// DATA is a data specification, such as "folder:photos?size=64".
//
// Build: c++ -std=c++20 custom_loss.cpp $(pkg-config --cflags --libs eigenbit-train) -o custom_loss
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <eigenbit/eigenbit.hpp>
#include <exception>
#include <string>
#include <vector>

namespace {

/// Mean of −(1 − p)² · log p over the images, for the softmax's probability p of the label. Its gradient with respect
/// to the scores (images, classes) takes their place.
double focal_loss(std::vector<float>& scores, const std::vector<int>& labels) {
    const std::size_t classes = scores.size() / labels.size();
    const double images = static_cast<double>(labels.size());
    double loss = 0.0;
    for (std::size_t image = 0; image < labels.size(); ++image) {
        float* const row = scores.data() + image * classes;
        const auto label = static_cast<std::size_t>(labels[image]);
        const float largest = *std::max_element(row, row + classes);
        double sum = 0.0;
        for (std::size_t k = 0; k < classes; ++k) sum += std::exp(row[k] - largest);
        const double log_p = row[label] - largest - std::log(sum);
        const double p = std::exp(log_p);
        loss -= (1.0 - p) * (1.0 - p) * log_p / images;
        // d loss / d log p, then d log p / d score = [k is the label] − p_k
        const double slope = (2.0 * (1.0 - p) * p * log_p - (1.0 - p) * (1.0 - p)) / images;
        for (std::size_t k = 0; k < classes; ++k) {
            row[k] = static_cast<float>(slope * ((k == label ? 1.0 : 0.0) - std::exp(row[k] - largest) / sum));
        }
    }
    return loss;
}

void work(const std::string& spec, int epochs, const std::string& out) {
    const auto data = eigenbit::Dataset::open(spec);
    eigenbit::NetworkBuilder b(data.image());
    auto x = b.max_pool(b.relu(b.batch_norm(b.conv(b.input(), {.filters = 16, .size = 3}))), 2, 2);
    x = b.relu(b.batch_norm(b.conv(x, {.filters = 32, .size = 3})));
    eigenbit::Model network = b.build(b.linear(b.global_average_pool(x), data.class_count()));
    network.describe_by(data);

    eigenbit::Trainer trainer(network);
    eigenbit::Batches batches(data, network, {.batch = 16, .augment = true});
    for (int epoch = 1; epoch <= epochs; ++epoch) {
        double loss = 0.0;
        batches.start(epoch);
        while (const auto batch = batches.next()) {
            std::vector<float> gradient = trainer.forward(batch->images).values;
            loss += focal_loss(gradient, batch->labels);
            trainer.backward(gradient);
            trainer.step(0.05 * (epochs - epoch + 1) / epochs);
        }
        std::printf("epoch %d: loss %.4f\n", epoch, loss / static_cast<double>(batches.count()));
    }
    network = trainer.model();
    const auto test = eigenbit::Dataset::open(spec, eigenbit::Split::test, network);
    std::printf("top-1 %.2f %%\n", 100.0 * eigenbit::evaluate(network, test).top1.value());
    network.save(out);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) throw eigenbit::Error("custom_loss DATA [EPOCHS [OUT.ebit]]");
    work(argv[1], argc > 2 ? std::atoi(argv[2]) : 3, argc > 3 ? argv[3] : "focal.ebit");
} catch (const std::exception& error) {
    std::fprintf(stderr, "custom_loss: %s\n", error.what());
    return 1;
}
