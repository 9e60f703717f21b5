// Matrix products of real networks against OpenBLAS, one after the other in turns: GFLOP/s of both, and how many times
// as fast as OpenBLAS ours are.
//
//   build/bench/gemm-bench [THREADS [PART_OF_A_NAME]]

#include "bench/machine_peak.h"
#include "engine/base/tensor.h"
#include "engine/kernels/f32/gemm.h"

#include <cblas.h>
#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace eigenbit::internal;

namespace {

/// C (m × n) = or += A (m × k) · B (k × n), where A or B may lie transposed.
struct Problem {
    std::string name;
    std::int64_t m, n, k;
    bool a_transposed, b_transposed, accumulate;
};

/// The three products of a fully-connected layer's training step.
void add_layer(std::vector<Problem>& problems, const std::string& name, std::int64_t batch, std::int64_t inputs,
               std::int64_t outputs) {
    const std::string layer = fmt::format("{}/n{}", name, batch);
    problems.push_back({layer + "/forward", batch, outputs, inputs, false, true, true});
    problems.push_back({layer + "/input_gradient", batch, inputs, outputs, false, false, true});
    problems.push_back({layer + "/weight_gradient", outputs, inputs, batch, true, false, true});
}

std::vector<Problem> problems() {
    std::vector<Problem> all;
    for (const std::int64_t batch : {1, 4, 16, 128}) {
        add_layer(all, "alexnet-fc6", batch, 9216, 4096);
        add_layer(all, "alexnet-fc7", batch, 4096, 4096);
        add_layer(all, "alexnet-fc8", batch, 4096, 1000);
        add_layer(all, "resnet18-fc", batch, 512, 1000);
        add_layer(all, "lenet-fc1", batch, 800, 500);
        add_layer(all, "resnet20-fc", batch, 64, 10);
    }
    for (const std::int64_t size : {8, 32, 64, 100, 256, 512, 1024}) {
        all.push_back({"matmul/square", size, size, size, false, false, false});
    }
    all.push_back({"matmul/scores", 196, 196, 64, false, true, false});
    all.push_back({"matmul/mixture", 196, 64, 196, false, false, false});
    all.push_back({"matmul/row", 1, 768, 768, false, false, false});
    all.push_back({"matmul/column", 768, 1, 768, false, false, false});
    all.push_back({"matmul/taps", 9, 65536, 9, false, false, false});
    all.push_back({"factors/3x3", 4608, 512, 300, false, false, false});
    all.push_back({"factors/1x1", 512, 2048, 400, false, false, false});
    all.push_back({"moments", 576, 576, 4096, true, false, false});
    all.push_back({"effects", 64, 400, 4608, false, true, false});
    return all;
}

Tensor random_values(std::int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
    Tensor values(Shape{count});
    for (float& value : values.values()) value = distribution(random);
    return values;
}

struct Operands {
    Problem p;
    Tensor a, b, c;

    explicit Operands(const Problem& problem)
        : p(problem), a(random_values(p.m * p.k, 1)), b(random_values(p.k * p.n, 2)), c(Shape{p.m * p.n}) {}

    void run_own() {
        gemm(p.m, p.n, p.k, {a.data(), p.a_transposed ? p.m : p.k, p.a_transposed},
             {b.data(), p.b_transposed ? p.k : p.n, p.b_transposed}, p.accumulate, c.data(), p.n);
    }

    void run_open_blas() {
        const auto order = [](bool transposed) { return transposed ? CblasTrans : CblasNoTrans; };
        const auto dim = [](std::int64_t extent) { return static_cast<blasint>(extent); };
        const float beta = p.accumulate ? 1.0F : 0.0F;
        if (p.m == 1) {
            cblas_sgemv(CblasRowMajor, order(!p.b_transposed), dim(p.b_transposed ? p.n : p.k),
                        dim(p.b_transposed ? p.k : p.n), 1.0F, b.data(), dim(p.b_transposed ? p.k : p.n), a.data(), 1,
                        beta, c.data(), 1);
            return;
        }
        cblas_sgemm(CblasRowMajor, order(p.a_transposed), order(p.b_transposed), dim(p.m), dim(p.n), dim(p.k), 1.0F,
                    a.data(), dim(p.a_transposed ? p.m : p.k), b.data(), dim(p.b_transposed ? p.k : p.n), beta,
                    c.data(), dim(p.n));
    }
};

/// Of this thread where it is the only one: that clock stands still while others have the core.
double seconds(int threads) {
    if (threads == 1) return thread_seconds();
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds a run, the best of some rounds in which both take turns.
struct Times {
    double own = 1e9, open_blas = 1e9;
};

Times times_of(Operands& operands, int threads) {
    const auto time = [&](auto run, int repeats) {
        const double start = seconds(threads);
        for (int i = 0; i < repeats; ++i) run();
        return (seconds(threads) - start) / repeats;
    };
    const auto own = [&] { operands.run_own(); };
    const auto open_blas = [&] { operands.run_open_blas(); };
    time(open_blas, 1);
    const double once = std::min(time(own, 1), time(own, 1));
    const int repeats = static_cast<int>(std::clamp(1e-3 / std::max(once, 1e-9), 1.0, 10000.0));
    const int rounds = static_cast<int>(std::clamp(0.4 / (2.0 * once * repeats), 5.0, 60.0));
    Times best;
    for (int round = 0; round < rounds; ++round) {
        best.own = std::min(best.own, time(own, repeats));
        best.open_blas = std::min(best.open_blas, time(open_blas, repeats));
    }
    return best;
}

}  // namespace

int main(int argument_count, char** arguments) {
    const int threads = argument_count > 1 ? std::atoi(arguments[1]) : 1;
    const std::string_view part = argument_count > 2 ? arguments[2] : "";
    const tbb::global_control control(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
    openblas_set_num_threads(threads);
    fmt::print("{} against OpenBLAS for {}, {} threads; {:.0f} GFLOP/s is the limit of a core\n",
               active_cpu_implementation().name, openblas_get_corename(), threads, fma_peak());
    fmt::print("{:32} {:>5} {:>6} {:>5} {:>6} {:>10} {:>9} {:>9}\n", "product", "m", "n", "k", "A B", "GFLOP/s",
               "OpenBLAS", "times");
    for (const Problem& p : problems()) {
        if (p.name.find(part) == std::string::npos) continue;
        Operands operands(p);
        const Times best = times_of(operands, threads);
        const double flops = 2e-9 * static_cast<double>(p.m * p.n * p.k);
        fmt::print("{:32} {:5} {:6} {:5} {:>3} {:>2} {:10.2f} {:9.2f} {:9.2f}\n", p.name, p.m, p.n, p.k,
                   p.a_transposed ? "T" : "", p.b_transposed ? "T" : "", flops / best.own, flops / best.open_blas,
                   best.open_blas / best.own);
    }
    return 0;
}
