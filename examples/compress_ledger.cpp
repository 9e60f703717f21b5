// Compresses a network to several rates, says what became of its layers, and what the bytes of each file are spent on.
//   compress_ledger NETWORK.onnx DATA RATE...
//
// DATA is a data specification, such as "folder:photos?size=64": its training images tell what to keep, its test images
// what was lost.
//
// Build: c++ -std=c++20 compress_ledger.cpp $(pkg-config --cflags --libs eigenbit-train) -o compress_ledger
#include <cstdio>
#include <cstdlib>
#include <eigenbit/eigenbit.hpp>
#include <exception>
#include <string>
#include <vector>

namespace {

void print(const eigenbit::CompressedNetwork& network) {
    std::printf("\n%.3f bits a weight, %lld bytes, top-1 %.2f %% (lost %.2f)\n", network.bits_per_weight,
                static_cast<long long>(network.file_bytes), 100.0 * network.quality->top1.value(), network.drop);
    for (const eigenbit::CompressedLayer& layer : network.layers) {
        std::printf("  %-24s %8lld weights  %6.3f bits  %s\n", layer.name.c_str(),
                    static_cast<long long>(layer.weights), layer.bits_per_weight, layer.transform.c_str());
    }
    for (const auto& [what, bytes] : eigenbit::inspect(network.model).bytes) {
        std::printf("  %9lld bytes of %s\n", static_cast<long long>(bytes), what.c_str());
    }
}

void work(const std::string& file, const std::string& spec, const std::vector<double>& rates) {
    const auto network = eigenbit::Model::load(file, {.data = spec});
    const auto data = eigenbit::Dataset::open(spec, eigenbit::Split::train, network);
    const auto test = eigenbit::Dataset::open(spec, eigenbit::Split::test, network);
    eigenbit::Compressor compressor(network, data, {"auto"}, {.validation = &test, .images = 256});
    std::printf("in floats: top-1 %.2f %%\n", 100.0 * compressor.float_quality()->top1.value());
    int written = 0;
    compressor.compress(rates, [&](const eigenbit::CompressedNetwork& one) {
        print(one);
        one.model.save("compressed" + std::to_string(++written) + ".ebit");
    });
    compressor.write_report("report.html", {.model = file, .data = spec});
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 4) throw eigenbit::Error("compress_ledger NETWORK.onnx DATA RATE...");
    std::vector<double> rates;
    for (int i = 3; i < argc; ++i) rates.push_back(std::atof(argv[i]));
    work(argv[1], argv[2], rates);
} catch (const std::exception& error) {
    std::fprintf(stderr, "compress_ledger: %s\n", error.what());
    return 1;
}
