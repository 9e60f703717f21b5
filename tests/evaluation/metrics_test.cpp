#include "evaluation/metrics.h"
#include "tests/error_of.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

using namespace eigenbit::internal;

namespace {

/// Two grey images of 13 × 14 pixels that a few lines of NumPy can make again.
std::array<Tensor, 2> example_images() {
    Tensor a(Shape{13, 14});
    Tensor b(Shape{13, 14});
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        a[i] = static_cast<float>(static_cast<double>(i * 37 % 101) / 100.0);
        b[i] = static_cast<float>(a[i] * 0.8 + 0.1 * static_cast<double>(i * 53 % 17) / 17.0);
    }
    return {a, b};
}

}  // namespace

TEST_CASE("a label counts as a hit when fewer than k classes score higher, and ties go to the lower class") {
    const Tensor scores(Shape{3, 4},
                        std::array{0.1F, 0.4F, 0.3F, 0.2F, 1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F});
    CHECK(top_k_hits(scores, std::vector{1, 0, 0}, 1) == 3);
    CHECK(top_k_hits(scores, std::vector{2, 1, 3}, 1) == 0);
    CHECK(top_k_hits(scores, std::vector{2, 1, 3}, 2) == 2);
    CHECK(top_k_hits(scores, std::vector{3, 3, 3}, 4) == 3);
    CHECK(error_of([&] {
              top_k_hits(scores, std::vector{4, 0, 0}, 1);
          })
          == "A label is 4, but the network has 4 classes.");
}

TEST_CASE("scores that are no numbers are never hits") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(top_k_hits(Tensor(Shape{1, 2}, std::array{nan, nan}), std::vector{0}, 1) == 0);
}

TEST_CASE("the standard error of a half among a hundred is five percent") {
    CHECK(standard_error(0.5, 100) == doctest::Approx(0.05));
}

TEST_CASE("a tenth of the peak everywhere is 20 dB below it") {
    const Tensor image(Shape{2, 2}, std::array{0.1F, 0.4F, 0.6F, 0.9F});
    const Tensor reference(Shape{2, 2}, std::array{0.2F, 0.3F, 0.7F, 0.8F});
    CHECK(psnr(image, reference, 1.0) == doctest::Approx(20.0));
    CHECK(error_of([&] { psnr(image, Tensor(Shape{4}), 1.0); }) == "An image (2, 2) cannot be compared with one (4).");
}

TEST_CASE("PSNR and SSIM agree with an independent computation") {
    const auto [a, b] = example_images();
    CHECK(psnr(a, b, 1.0) == doctest::Approx(21.551081));
    CHECK(ssim(a, b, 1.0) == doctest::Approx(0.9636563));
    CHECK(ssim(a, a, 1.0) == doctest::Approx(1.0));
    CHECK(error_of([] {
              ssim(Tensor(Shape{10, 20}), Tensor(Shape{10, 20}), 1.0);
          })
          == "An image of 10x20 pixels is too small for SSIM, which looks at 11x11.");
}

TEST_CASE("the chance of hits is the binomial distribution's upper tail") {
    CHECK(chance_of_hits(0, 10, 0.1) == doctest::Approx(1.0));
    CHECK(chance_of_hits(10, 10, 0.5) == doctest::Approx(1.0 / 1024.0));
    CHECK(chance_of_hits(3, 4, 1.0 / 3.0) == doctest::Approx(9.0 / 81.0));
    CHECK(chance_of_hits(1, 1000, 0.001) == doctest::Approx(1.0 - std::pow(0.999, 1000)));
    CHECK(chance_of_hits(1100, 10'000, 0.1) < 0.001);
}

TEST_CASE("BT.601 luma of the primaries") {
    const Tensor colours(Shape{1, 5, 3}, std::array{0.0F, 0.0F, 0.0F, 255.0F, 255.0F, 255.0F, 255.0F, 0.0F, 0.0F, 0.0F,
                                                    255.0F, 0.0F, 0.0F, 0.0F, 255.0F});
    const Tensor luma = bt601_luma(colours);
    CHECK(luma.shape() == Shape{1, 5});
    CHECK(luma[0] == doctest::Approx(16.0));
    CHECK(luma[1] == doctest::Approx(235.0));
    CHECK(luma[2] == doctest::Approx(81.481));
    CHECK(luma[3] == doctest::Approx(144.553));
    CHECK(luma[4] == doctest::Approx(40.966));
}

TEST_CASE("a border is left out at all four sides") {
    Tensor image(Shape{3, 4, 1});
    for (std::int64_t i = 0; i < 12; ++i) image[i] = static_cast<float>(i);
    const Tensor inner = without_border(image, 1);
    CHECK(inner.shape() == Shape{1, 2, 1});
    CHECK(inner[0] == 5.0F);
    CHECK(inner[1] == 6.0F);
    CHECK(error_of([&] { without_border(image, 2); }).find("3x4 pixels") != std::string::npos);
}

TEST_CASE("values become what an 8-bit file would hold") {
    const Tensor rounded = as_8_bit(Tensor(Shape{4}, std::array{-0.1F, 0.5F, 0.1F, 1.2F}));
    CHECK(std::vector(rounded.values().begin(), rounded.values().end()) == std::vector{0.0F, 128.0F, 26.0F, 255.0F});
}
